"""The reference pipeline with seeded weights and its randomness pinned, the test picture, and how results are measured."""
import gc
import gzip
import json
import math
import os
import platform
import tempfile
import time
import traceback

import numpy as np
import torch

import seeded
from seeded import CONFIGS, HERE

VOCABULARY = os.path.join(HERE, "..", "tokenizers", "clip", "bpe_simple_vocab_16e6.txt.gz")
START = time.time()


def say(text):
    print(f"{time.strftime('%H:%M:%S')} +{time.time() - START:6.1f} s  {text}", flush=True)


def versions():
    """What made the numbers."""
    import diffusers
    import PIL
    import transformers

    return {
        "python": platform.python_version(), "torch": torch.__version__, "diffusers": diffusers.__version__,
        "transformers": transformers.__version__, "numpy": np.__version__, "pillow": PIL.__version__,
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else platform.processor() or platform.machine(),
        "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "weight_seed": seeded.WEIGHT_SEED, "input_seed": seeded.INPUT_SEED,
    }


class Record:
    """A JSON file that is written anew after every stage; a stage that fails leaves its error there and the rest goes on."""

    def __init__(self, path):
        self.path = path
        self.data = {"versions": versions(), "stages": {}, "errors": {}}
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        self.write()

    def write(self):
        partial = self.path + ".partial"
        with open(partial, "w", encoding="utf-8", newline="\n") as file:
            json.dump(self.data, file, indent=1, ensure_ascii=True)
            file.write("\n")
        os.replace(partial, self.path)

    def hold(self, name, work):
        """As stage, for things that do not go into the file: returns what work() made."""
        return self.stage(name, work, keep=False)

    def stage(self, name, work, keep=True):
        """Runs work() and keeps what it returns under its name; None when it failed."""
        say(name)
        begin = time.time()
        result = None
        try:
            result = work()
            if keep and result is not None:
                self.data[name] = result
        except Exception as error:  # one stage's failure must not cost the others their time on the machine
            traceback.print_exc()
            self.data["errors"][name] = f"{type(error).__name__}: {error}"
            say(f"{name} FAILED: {error}")
        self.data["stages"][name] = round(time.time() - begin, 2)
        self.write()
        return result

    def finish(self):
        errors = self.data["errors"]
        say(f"{self.path}: {len(self.data['stages'])} stages, {len(errors)} failed{': ' + ', '.join(errors) if errors else ''}")
        return 1 if errors else 0


def save(path, tensors):
    """Tensors by name as a safetensors file, contiguous and on the CPU."""
    from safetensors.torch import save_file

    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, path)


def exact_fp32():
    """No TF32 anywhere: fp32 results are the yardstick."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # A container may show more processors than it may use, and the tiny networks gain nothing from more than these.
    torch.set_num_threads(min(8, len(os.sched_getaffinity(0))))


def free():
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def relative(found, expected):
    """||found - expected|| / ||expected|| in double, and the largest difference over the largest value."""
    found, expected = found.detach().double(), expected.detach().double()
    difference = found - expected
    return {
        "relative": (difference.norm() / expected.norm()).item(),
        "max": (difference.abs().max() / expected.abs().max()).item(),
        "finite": bool(torch.isfinite(found).all()),
    }


def psnr(a, b):
    """dB of two films in bytes; None when they are equal."""
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return None if error == 0 else 10 * math.log10(255.0**2 / error)


def picture(width, height):
    """A test picture by formula, [height, width, 3] bytes: (7x + 13y + 29c + ((x² + 3y² + 5xy) >> 4)) & 255."""
    y, x, c = np.meshgrid(np.arange(height, dtype=np.int64), np.arange(width, dtype=np.int64), np.arange(3, dtype=np.int64), indexing="ij")
    return ((x * 7 + y * 13 + c * 29 + ((x * x + 3 * y * y + 5 * x * y) >> 4)) & 255).astype(np.uint8)


def soft_picture(width, height, turn=0):
    """A smooth one, [height, width, 3] bytes: triangle waves of 64 + 32c pixels along x + y·(c + 1) + turn."""
    y, x, c = np.meshgrid(np.arange(height, dtype=np.int64), np.arange(width, dtype=np.int64), np.arange(3, dtype=np.int64), indexing="ij")
    period = 64 + 32 * c
    phase = (x + y * (c + 1) + turn) % period
    return (np.minimum(phase, period - phase) * 510 // period).astype(np.uint8)


def pil(pixels):
    from PIL import Image

    return Image.fromarray(pixels)


def tokenizer_files(folder, vocabulary=VOCABULARY):
    """vocab.json, merges.txt and tokenizer_config.json of CLIP, made from the vocabulary that is in the repository."""
    with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    merges = lines[1 : 49152 - 256 - 2 + 1]
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    characters = [chr(byte) for byte in order] + [chr(256 + n) for n in range(256 - len(order))]
    tokens = characters + [c + "</w>" for c in characters] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    if len(tokens) != 49408 or len(merges) != 48894:
        raise ValueError(f"{vocabulary} gives {len(tokens)} tokens and {len(merges)} merges, expected 49408 and 48894")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump({token: index for index, token in enumerate(tokens)}, file, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8", newline="\n") as file:
        file.write("#version: 0.2\n" + "\n".join(merges) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    with open(os.path.join(folder, "special_tokens_map.json"), "w", encoding="utf-8") as file:
        json.dump(special, file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "add_prefix_space": False,
                   "errors": "replace", **special}, file)
    return folder


def tokenizer(vocabulary=VOCABULARY):
    """The pipeline's tokenizer class on those files."""
    from transformers import CLIPTokenizer

    with tempfile.TemporaryDirectory() as folder:
        tokenizer_files(folder, vocabulary)
        try:
            made = CLIPTokenizer.from_pretrained(folder)
            if len(made) != 49408:
                raise ValueError(f"from_pretrained made {len(made)} tokens")
        except Exception as error:  # versions differ in which files they insist on
            say(f"CLIPTokenizer.from_pretrained failed ({error}); by its constructor")
            with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as file:
                vocab = json.load(file)
            with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as file:
                merges = [tuple(line.split()) for line in file.read().split("\n")[1:] if line]
            try:
                made = CLIPTokenizer(vocab=vocab, merges=merges)
            except TypeError:
                made = CLIPTokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"))
    made.model_max_length = 77
    made.pad_token = "<|endoftext|>"
    return made


def scheduler():
    from diffusers import DDIMScheduler

    return DDIMScheduler(**CONFIGS["scheduler"])


def dpm_scheduler(spacing="leading"):
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler.from_config(scheduler().config, algorithm_type="dpmsolver++", solver_order=2, timestep_spacing=spacing)


def feature_extractor():
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224},
                              image_mean=CONFIGS["image_mean"], image_std=CONFIGS["image_std"])


def whole(modules, vocabulary=VOCABULARY):
    """The reference pipeline over the four modules; `posterior_noise` of what this returns replaces the VAE's own draw."""
    from diffusers import I2VGenXLPipeline
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    made = I2VGenXLPipeline(tokenizer=tokenizer(vocabulary), feature_extractor=feature_extractor(), scheduler=scheduler(), **modules)
    made.set_progress_bar_config(disable=True)

    def sample(self, generator=None):
        # The pipeline draws this from the global generator; a film can be compared only when the noise is given.
        return self.mean + self.std * made.posterior_noise.to(self.mean)

    DiagonalGaussianDistribution.sample = sample
    decode = made.decode_latents

    def keep(latents, **options):
        made.last_latents = latents
        return decode(latents, **options)

    made.decode_latents = keep
    return made


def film(pipe, image, noise, posterior_noise, prompt, negative, steps=25, guidance=9.0, fps=16, decode_chunk=1):
    """One film through the pipeline's own __call__: frames [f, height, width, 3] bytes."""
    pipe.posterior_noise = posterior_noise
    frames, h, w = noise.shape[2:]
    made = pipe(prompt=prompt, negative_prompt=negative, image=image, height=h * 8, width=w * 8, target_fps=fps, num_frames=frames,
                num_inference_steps=steps, guidance_scale=guidance, latents=noise.to(pipe.unet.dtype), decode_chunk_size=decode_chunk,
                output_type="pil").frames[0]
    return np.stack([np.asarray(frame) for frame in made])
