"""Outputs of the reference at the size of the published model, on a GPU: fp32 without TF32, and how far its own fp16 is from that.

  python3 fullsize.py OUTDIR [--size small|full] [--only networks|film] [--sizes 512x512x16,…] [--vocabulary FILE]

OUTDIR/networks/<case>.safetensors holds fp32 outputs; inputs are streams that fullsize.json names. OUTDIR/film.safetensors
holds the noise of the whole film, its fp32 frames and the fp16 pipeline's.
"""
import argparse
import os
import sys

import numpy as np
import torch

import cases
import pipeline
import seeded
from seeded import CONFIGS

SIZES = ["512x512x16", "704x1280x16", "768x768x24"]


def parsed(size):
    """height, width, frames."""
    return tuple(int(part) for part in size.split("x"))


def all_cases(size, sizes):
    context = CONFIGS["sizes"][size]["unet"]["cross_attention_dim"]
    latents = [(2, f, h // 8, w // 8) for h, w, f in map(parsed, sizes)]
    pictures = list(dict.fromkeys((1, h, w) for h, w, _ in map(parsed, sizes)))
    return cases.text_cases() + cases.vision_cases() + cases.vae_cases(pictures) + cases.unet_cases(latents, context)


def timed(work):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    result = work()
    end.record()
    torch.cuda.synchronize()
    return result, begin.elapsed_time(end)


def make_expected(out, module, case, kept):
    # cuDNN 9's fp32 convolutions are wrong at 704x1280x16 (a tenth off fp64, where fp32 without cuDNN is 3e-6 off: opinions.py).
    with torch.backends.cudnn.flags(enabled=False):
        made, ms = timed(lambda: cases.run(module, case))
    kept[case["name"]] = made
    pipeline.save(os.path.join(out, "networks", case["name"] + ".safetensors"), made)
    return {**case, "outputs": {name: list(value.shape) for name, value in made.items()}, "std": {name: value.std().item() for name, value in made.items()}, "fp32_first_run_ms": round(ms, 1)}


def compare_half(module, case, kept):
    made, ms = timed(lambda: cases.run(module, case))
    return {**{name: pipeline.relative(made[name], kept[case["name"]][name]) for name in made}, "fp16_first_run_ms": round(ms, 1)}


def make_film(pipe, told, noise):
    begin = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    begin.record()
    frames = pipeline.film(pipe, image=pipeline.pil(pipeline.soft_picture(*told["picture"])), noise=noise["noise"], posterior_noise=noise["posterior_noise"],
                           prompt=CONFIGS["prompt"], negative=CONFIGS["negative_prompt"], steps=told["steps"], guidance=told["guidance"], fps=told["fps"])
    end.record()
    torch.cuda.synchronize()
    return frames, begin.elapsed_time(end) / 1000


def describe(frames):
    return {"std_levels": float(frames.std()), "saturated": float(np.mean((frames == 0) | (frames == 255)))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--size", choices=["tiny", "small", "full"], default="full")
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--only", choices=["networks", "film"])
    parser.add_argument("--film-steps", type=int, default=50)
    parser.add_argument("--vocabulary", default=pipeline.VOCABULARY)
    args = parser.parse_args()
    sizes = args.sizes.split(",")
    pipeline.exact_fp32()
    seeded.check_known_answers("cuda")
    record = pipeline.Record(os.path.join(args.out, "fullsize.json"))
    record.data["size"] = args.size

    modules = {name: record.hold(f"load {name}", lambda name=name: seeded.load(name, args.size, "cuda")) for name in seeded.COMPONENTS}
    networks = all_cases(args.size, sizes) if args.only != "film" else []
    kept = {}
    for case in networks:
        record.stage(f"network {case['name']}", lambda case=case: make_expected(args.out, modules[cases.parts_of(case["component"])], case, kept))
        pipeline.free()

    height, width, frames = parsed(sizes[0])
    told = {"height": height, "width": width, "frames": frames, "steps": args.film_steps, "guidance": 9.0, "fps": 16, "picture": [640, 600],
            "picture_formula": "soft_picture in pipeline.py", "prompt": CONFIGS["prompt"], "negative_prompt": CONFIGS["negative_prompt"]}
    noise = {"noise": seeded.gaussian("input:film-full/noise", (1, 4, frames, height // 8, width // 8)),
             "posterior_noise": seeded.gaussian("input:film-full/posterior_noise", (1, 4, height // 8, width // 8))}
    films = {}

    def make(precision, pipe):
        films[precision], seconds = make_film(pipe, told, noise)
        latents = pipe.last_latents.float()
        films[precision + "/latents"] = latents
        pipeline.save(os.path.join(args.out, "film.safetensors"), {
            **noise, **{name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in films.items()}})
        films[precision].tofile(os.path.join(args.out, f"film-{precision}.rgb"))  # [f, height, width, 3] bytes
        return {**told, "seconds": round(seconds, 2), **describe(films[precision])}

    pipe = record.hold("pipeline", lambda: pipeline.whole(modules, args.vocabulary)) if args.only != "networks" else None
    if pipe:
        record.stage("film fp32", lambda: make("fp32", pipe))
        pipeline.free()

    for module in modules.values():
        module.half()
    pipeline.free()
    for case in networks:
        if case["name"] in kept:
            record.stage(f"fp16 {case['name']}", lambda case=case: compare_half(modules[cases.parts_of(case["component"])], case, kept))
            pipeline.free()
    if pipe:
        record.stage("film fp16", lambda: make("fp16", pipe))
        record.stage("film psnr", lambda: {"fp16_against_fp32": pipeline.psnr(films["fp16"], films["fp32"]),
                                           "latents": pipeline.relative(films["fp16/latents"], films["fp32/latents"])})
    sys.exit(record.finish())


if __name__ == "__main__":
    main()
