"""Writes the small fixtures that the CPU tests compare with: tokens, resized pictures, schedules, tiny networks, tiny films.

  python3 fixtures.py OUTDIR [--vocabulary bpe_simple_vocab_16e6.txt.gz]
"""
import argparse
import hashlib
import json
import os
import sys
import unicodedata

import numpy as np
import torch

import cases
import pipeline
import seeded
from seeded import CONFIGS

LONG = "a very long and winding road through the mountains, with snow on every peak and a river below, " * 8
PROMPTS = [
    "", " ", "   \t\n ", "a photo of a cat", "Papers were floating in the air on a table in the library", "Hello, World! It's 2024.",
    "A CAT   on\nthe\tmat", "  leading and trailing  ", "café naïve", unicodedata.normalize("NFD", "café naïve"), "ÉCOLE ÀÇÉ",
    unicodedata.normalize("NFD", "ÉCOLE ÀÇÉ"), "İstanbul ve ığdır", "Straße GROẞ ß", "ΑΒΓ Σίσυφος ὈΔΥΣΣΕΎΣ", "Привет, МИР! Ёлка й",
    "一只猫", "一只白色的猫坐在窗台上，看着外面的雪。", "桜の木の下で、猫が眠っている。カタカナ ﾊﾝｶｸ", unicodedata.normalize("NFD", "が ぱ ヴ"), "고양이가 창가에 앉아 있다",
    unicodedata.normalize("NFD", "고양이"), "قطة بيضاء تجلس على النافذة", "חתול לבן", "एक सफेद बिल्ली खिड़की पर बैठी है", "แมวสีขาวนั่งอยู่",
    "🐱 cat", "👩‍👩‍👧‍👦 family and 👍🏽 and 🏳️‍🌈", "🇯🇵🇫🇷 flags, 1️⃣ keycap ❤️", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "3d render, 8k, ultra-detailed!!!",
    "don't stop, we'll go", "I'VE GOT 'em, they'd say it's y'all's", "\u2019s curly don\u2019t \u2018quotes\u2019 \u201cdouble\u201d", "1234567890 3.14 1,000,000 ½ Ⅷ ² ๓",
    "...!!!???;;;--- ___ *** ~~~", "https://example.org/a?b=c&d=e#f user@example.org", "&amp; &lt;b&gt; &quot;x&quot; &#39;", "tabs\tand\r\nlines\u2028separators\u00a0nbsp\u3000wide",
    "control\u0000\u0001\u0007\u001b\u007fcharacters", "zero\u200bwidth\u200djoin\ufeffbom \u00adsoft", "<|endoftext|>", "a cat <|endoftext|> a dog", "<|startoftext|>a cat<|endoftext|>",
    "A <|EndOfText|> b <|startoftext |>", "(a:1.3) [b|c] {d} <e> \\f/ `g` ^h $i %j @k #l", "a" * 300, "supercalifragilisticexpialidocious antidisestablishmentarianism",
    LONG, "猫" * 100, "😀" * 90, "word " * 74 + "last", "word " * 75, "word " * 76, "\U0001f9ff\U000e0067 \ue000 \ufffd", "ﬁne ﬂow Å Å Ω K ⑴", "e\u0301\u0302 \u0301 alone",
    CONFIGS["negative_prompt"], CONFIGS["other_prompt"],
]

# First ids of the vocabulary's own answers, found by another implementation.
KNOWN = {
    "": [49406, 49407],
    "a photo of a cat": [49406, 320, 1125, 539, 320, 2368, 49407],
    "Hello, World! It's 2024.": [49406, 3306, 267, 1002, 256, 585, 568, 273, 271, 273, 275, 269, 49407],
    "A CAT   on\nthe\tmat": [49406, 320, 2368, 525, 518, 9063, 49407],
    "café naïve": [49406, 15304, 1097, 35689, 563, 49407],
    "3d render, 8k, ultra-detailed!!!": [49406, 274, 323, 13024, 267, 279, 330, 267, 8118, 268, 12609, 995, 49407],
    "一只猫": [49406, 19759, 222, 34517, 103, 163, 234, 360, 49407],
    "🐱 cat": [49406, 22979, 2368, 49407],
    "don't stop, we'll go": [49406, 847, 713, 1691, 267, 649, 1342, 861, 49407],
}

SOURCES = [(640, 480), (1920, 1080), (1024, 768), (37, 53), (8, 8), (2048, 2048), (512, 512), (1279, 703), (1234, 567), (1500, 150),
           (720, 1280), (951, 633), (4032, 3024)]
TARGETS = [(1280, 704), (1280, 1280), (512, 512), (320, 192)]
WHOLE_SQUARES = [(640, 480), (37, 53), (1234, 567), (720, 1280)]


def write_tokens(out, vocabulary):
    made = pipeline.tokenizer(vocabulary)
    rows, wrong = [], []
    for prompt in PROMPTS:
        ids = made(prompt, padding="max_length", max_length=made.model_max_length, truncation=True, return_tensors="pt").input_ids[0].tolist()
        rows.append({"prompt": prompt, "ids": ids})
        if prompt in KNOWN and ids != (KNOWN[prompt] + [49407] * 77)[:77]:
            wrong.append(prompt)
    with open(os.path.join(out, "tokenizer.json"), "w", encoding="ascii", newline="\n") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    if wrong:
        raise AssertionError(f"ids of {wrong} are not the known ones")
    return {"prompts": len(rows), "longest": max(len(row["ids"]) for row in rows), "known_answers": len(KNOWN), "class": type(made).__module__ + "." + type(made).__name__}


def lines(pixels):
    """Three rows and three columns: first, middle, last."""
    rows, columns = pixels.shape[0], pixels.shape[1]
    return {"rows": torch.from_numpy(pixels[[0, rows // 2, rows - 1]].copy()), "columns": torch.from_numpy(pixels[:, [0, columns // 2, columns - 1]].transpose(1, 0, 2).copy())}


def write_resized(out):
    from diffusers.pipelines.deprecated.i2vgen_xl import pipeline_i2vgen_xl as reference

    stored, described = {}, []
    for source in SOURCES:
        image = pipeline.pil(pipeline.picture(*source))
        for target in TARGETS:
            crop = reference._center_crop_wide(image, target)
            made = [("crop", crop)]
            if target[0] == target[1]:
                made.append(("square", reference._resize_bilinear(crop, (224, 224))))
            scale = min(source[0] / target[0], source[1] / target[1])
            for kind, result in made:
                pixels = np.asarray(result)
                name = f"{source[0]}x{source[1]}-{target[0]}x{target[1]}-{kind}"
                whole = kind == "square" and target == (1280, 1280) and source in WHOLE_SQUARES
                stored.update({f"{name}/{key}": value for key, value in ({"pixels": torch.from_numpy(pixels.copy())} if whole else lines(pixels)).items()})
                described.append({
                    "name": name, "source": source, "target": target, "kind": kind, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
                    "short_columns": target[0] - round(source[0] // scale), "short_rows": target[1] - round(source[1] // scale), "stored": "pixels" if whole else "lines",
                })
    pipeline.save(os.path.join(out, "resize.safetensors"), stored)
    with open(os.path.join(out, "resize.json"), "w", encoding="ascii", newline="\n") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in described) + "\n]\n")
    short = sum(row["short_columns"] == 1 and row["target"] == (1280, 704) for row in described)
    if short < 4:
        raise AssertionError(f"only {short} sources are short of a column at 1280x704")
    return {"results": len(described), "sources": len(SOURCES), "short_at_1280x704": short,
            "picture": "(7x + 13y + 29c + ((x*x + 3*y*y + 5*x*y) >> 4)) & 255", "lines": "rows and columns 0, n/2, n-1 of [height, width, 3] bytes; columns as [3, height, 3]"}


def write_schedules(out):
    stored = {"alphas_cumprod": pipeline.scheduler().alphas_cumprod}
    timesteps = {}
    for steps in (1, 2, 3, 10, 25, 35, 50, 999):
        made = pipeline.scheduler()
        made.set_timesteps(steps)
        timesteps[f"ddim-{steps}"] = made.timesteps.tolist()
    shape = (4, 16)
    trajectories = []

    def walk(name, made, steps, **options):
        made.set_timesteps(steps)
        timesteps[name] = [float(t) for t in made.timesteps]
        sample = seeded.stream(f"input:{name}/sample", shape)
        path = []
        for k, t in enumerate(made.timesteps):
            output = seeded.stream(f"input:{name}/model_output:{k}", shape)
            extra = {"variance_noise": seeded.stream(f"input:{name}/noise:{k}", shape), **options} if options.get("eta") else options
            sample = made.step(output, t, sample, **extra).prev_sample
            path.append(sample)
        stored[name] = torch.stack(path)
        trajectories.append({"name": name, "steps": steps, **options})

    for steps in (10, 50):
        for eta in (0.0, 0.5):
            walk(f"ddim-{steps}-eta{eta}", pipeline.scheduler(), steps, eta=eta)
    for spacing in ("leading", "trailing"):
        for steps in (10, 20, 25):
            made = pipeline.dpm_scheduler(spacing)
            walk(f"dpmsolver-{spacing}-{steps}", made, steps)
            stored[f"dpmsolver-{spacing}-{steps}/sigmas"] = made.sigmas
    pipeline.save(os.path.join(out, "schedules.safetensors"), stored)
    with open(os.path.join(out, "schedules.json"), "w", encoding="ascii", newline="\n") as file:
        json.dump({"scheduler": CONFIGS["scheduler"], "shape": shape, "timesteps": timesteps, "trajectories": trajectories}, file)
    return {"trajectories": len(trajectories), "streams": "input:<name>/sample, model_output:<k>, noise:<k> (eta > 0); stored: every sample after a step"}


@torch.no_grad()
def write_network(out, module, case):
    given = cases.tensors(case)
    made = cases.run(module, case, given)
    stored = dict(made)
    pipeline.save(os.path.join(out, "networks", case["name"] + ".safetensors"), stored)
    key = "noise_pred" if case["component"] == "unet" else next(iter(made))
    sensitivity = {}
    for what, other in cases.changed_inputs(case, given):
        changed = cases.run(module, case, other)
        sensitivity[what] = {name: pipeline.relative(changed[name], made[name])["relative"] for name in made} if case["component"] == "unet" else pipeline.relative(changed[key], made[key])["relative"]
    return {**case, "outputs": {name: list(value.shape) for name, value in made.items()}, "std": {name: value.std().item() for name, value in made.items()}, "sensitivity": sensitivity}


FILMS = {
    "guided": {"size": (128, 64), "frames": 6, "steps": 25, "guidance": 9.0, "fps": 16, "sampler": "ddim"},
    "unguided": {"size": (64, 128), "frames": 5, "steps": 10, "guidance": 1.0, "fps": 8, "sampler": "ddim"},
    "dpmsolver": {"size": (128, 64), "frames": 3, "steps": 20, "guidance": 9.0, "fps": 12, "sampler": "dpmsolver"},
}
PICTURE = (200, 120)


def write_film(out, pipe, name):
    told = FILMS[name]
    width, height = told["size"]
    shape = (1, 4, told["frames"], height // 8, width // 8)
    pipe.scheduler = pipeline.dpm_scheduler() if told["sampler"] == "dpmsolver" else pipeline.scheduler()
    base = {
        "image": pipeline.pil(pipeline.soft_picture(*PICTURE)), "noise": seeded.gaussian(f"input:film-{name}/noise", shape),
        "posterior_noise": seeded.gaussian(f"input:film-{name}/posterior_noise", (1, 4, *shape[3:])),
        "prompt": CONFIGS["prompt"], "negative": CONFIGS["negative_prompt"], "steps": told["steps"], "guidance": told["guidance"], "fps": told["fps"],
    }
    frames = pipeline.film(pipe, **base)
    latents = pipe.last_latents
    pipeline.save(os.path.join(out, "films", name + ".safetensors"), {
        "frames": torch.from_numpy(frames), "noise": base["noise"], "posterior_noise": base["posterior_noise"], "latents": latents,
    })
    changes = {
        "image": {"image": pipeline.pil(pipeline.soft_picture(*PICTURE, turn=40))}, "noise": {"noise": seeded.gaussian(f"input:film-{name}/noise:other", shape)},
        "prompt": {"prompt": CONFIGS["other_prompt"]}, "fps": {"fps": told["fps"] // 2}, "steps": {"steps": told["steps"] + 1},
    }
    if told["guidance"] > 1:
        changes["negative"] = {"negative": CONFIGS["other_negative_prompt"]}
        changes["guidance"] = {"guidance": told["guidance"] - 1}
    found = {what: pipeline.psnr(pipeline.film(pipe, **{**base, **change}), frames) for what, change in changes.items()}
    posterior = pipeline.film(pipe, **{**base, "posterior_noise": seeded.gaussian(f"input:film-{name}/posterior_noise:other", (1, 4, *shape[3:]))})
    saturated = float(np.mean((frames == 0) | (frames == 255)))
    result = {
        **told, "picture": {"size": PICTURE, "formula": "soft_picture in pipeline.py"}, "prompt": base["prompt"], "negative_prompt": base["negative"],
        "std_levels": float(frames.std()), "saturated": saturated, "psnr_when_changed": found, "psnr_other_posterior_noise": pipeline.psnr(posterior, frames),
    }
    # A film that is flat, clipped or deaf to its inputs would let a wrong pipeline pass.
    result["guard"] = [text for text, bad in [("flat", frames.std() < 20), ("saturated", saturated > 0.2)] if bad]
    result["guard"] += [f"{what} hardly matters" for what, value in found.items() if value is None or value >= 40]
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--vocabulary", default=pipeline.VOCABULARY)
    args = parser.parse_args()
    pipeline.exact_fp32()
    record = pipeline.Record(os.path.join(args.out, "fixtures.json"))
    record.stage("weight_lists", lambda: seeded.write_lists(args.out))
    record.stage("tokenizer", lambda: write_tokens(args.out, args.vocabulary))
    record.stage("resize", lambda: write_resized(args.out))
    record.stage("schedules", lambda: write_schedules(args.out))

    modules = {name: record.hold(f"load {name}", lambda name=name: seeded.load(name, "tiny")) for name in seeded.COMPONENTS}
    todo = cases.text_cases() + cases.vision_cases() + cases.vae_cases([(1, 64, 64), (2, 64, 128)])
    todo += cases.unet_cases([(2, 1, 8, 8), (2, 5, 8, 16), (1, 3, 16, 8), (2, 16, 16, 16), (2, 7, 24, 8)], CONFIGS["sizes"]["tiny"]["unet"]["cross_attention_dim"])
    for case in todo:
        record.stage(f"network {case['name']}", lambda case=case: write_network(args.out, modules[cases.parts_of(case["component"])], case))

    pipe = record.hold("pipeline", lambda: pipeline.whole(modules, args.vocabulary))
    for name in FILMS:
        record.stage(f"film {name}", lambda name=name: write_film(args.out, pipe, name))
    size = sum(os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(args.out) for file in files)
    pipeline.say(f"{size / 1e6:.2f} MB in {args.out}")
    sys.exit(record.finish())


if __name__ == "__main__":
    main()
