"""Weights and test inputs that come from their names, and the reference modules that hold them.

A number depends on nothing but (seed, name, index): Philox4x32-10, keyed by the SHA-256 of the name. The model builder
computes the same numbers, so weights are never stored and inputs of a test neither, only what the reference made of them.

  python3 seeded.py                    checks the known answers
  python3 seeded.py --lists FOLDER     writes weights-{tiny,small,full}.txt: name and shape of every tensor, sorted
"""
import argparse
import hashlib
import json
import math
import os
import re

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "configs.json"), encoding="utf-8") as file:
    CONFIGS = json.load(file)
WEIGHT_SEED = CONFIGS["weight_seed"]
INPUT_SEED = CONFIGS["input_seed"]
COMPONENTS = ("text_encoder", "image_encoder", "unet", "vae")

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
CHUNK = 1 << 22  # blocks of four words at a time: 32 MB for each value in flight


def key_of(name, seed):
    """The generator's two key words for a name."""
    key = int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "little") ^ seed
    return key & MASK, key >> 32


def philox(key, first_block, blocks, device):
    """Words [blocks, 4] (int64, each below 2^32) of the blocks first_block … first_block + blocks - 1."""
    k0, k1 = key
    index = torch.arange(first_block, first_block + blocks, dtype=torch.int64, device=device)
    c0, c1 = index & MASK, index >> 32
    c2, c3 = torch.zeros_like(index), torch.zeros_like(index)
    for _ in range(10):
        # A product of two 32-bit numbers wraps in int64, but its 64 bits are right; the mask undoes the sign's shift.
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = ((p1 >> 32) & MASK) ^ c1 ^ k0, p1 & MASK, ((p0 >> 32) & MASK) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return torch.stack([c0, c1, c2, c3], dim=1)


def stream(name, shape, base=0.0, bound=math.sqrt(3), seed=INPUT_SEED, device="cpu"):
    """Uniform fp32 in base ± bound, by name; the default bound gives variance 1."""
    count = math.prod(shape)
    scale = float(np.float32(bound * 2.0**-23))
    key = key_of(name, seed)
    out = torch.empty(count, dtype=torch.float32, device=device)
    for first in range(0, (count + 3) // 4, CHUNK):
        blocks = min(CHUNK, (count + 3) // 4 - first)
        words = philox(key, first, blocks, device).reshape(-1)[: count - first * 4]
        values = ((words >> 8) - (1 << 23)).to(torch.float32) * scale
        out[first * 4 : first * 4 + words.numel()] = values + base if base else values
    return out.reshape(tuple(shape))


def gaussian(name, shape, seed=INPUT_SEED):
    """Normal fp32 by name: Box-Muller in double. Libraries differ in the last bit of log and cos: store it with what it made."""
    count = math.prod(shape)
    words = philox(key_of(name, seed), 0, (count + 1) // 2, "cpu").numpy().astype(np.float64)
    u1, u2 = (words[:, 0] + 1) / 2.0**32, words[:, 1] / 2.0**32
    radius = np.sqrt(-2 * np.log(u1))
    pair = np.stack([radius * np.cos(2 * np.pi * u2), radius * np.sin(2 * np.pi * u2)], axis=1)
    return torch.from_numpy(pair.reshape(-1)[:count].astype(np.float32)).reshape(tuple(shape))


def rule(key, shape):
    """(base, bound) of a weight, from its published name and shape."""
    fan = math.prod(shape[1:])
    module = "." + re.sub(r"\.weight$", "", key)

    def ends(*names):
        return any(module.endswith("." + name) for name in names)

    if key.endswith(".bias"):
        return 0.0, 0.1
    if ends("token_embedding", "position_embedding", "class_embedding"):
        return 0.0, 0.5 * math.sqrt(3)
    if len(shape) == 1:
        return 1.0, 0.1
    gain = 1.0
    if ends("to_q", "to_k", "q_proj", "k_proj"):
        gain = 2.0
    elif ends("to_out.0", "ff.net.2", "proj_out", "conv2", "out_proj", "fc2") or re.search(r"\.conv4\.\d+$", module):
        gain = 0.5
    elif ends("context_embedding.2"):
        gain = 6.0
    elif ends("image_latents_context_embedding.3", "image_latents_context_embedding.5"):
        gain = 3.0
    return 0.0, math.sqrt(3 * gain / fan)


def weight(component, key, shape, seed=WEIGHT_SEED, device="cpu"):
    """One weight in fp32, by its published name."""
    base, bound = rule(key, shape)
    return stream(f"{component}/{key}", shape, base, bound, seed, device)


def published(component, key):
    """The name in the published files; transformers 5 drops the first part of the encoders' names in memory."""
    if component == "text_encoder" and not key.startswith("text_model."):
        return "text_model." + key
    if component == "image_encoder" and not key.startswith(("vision_model.", "visual_projection.")):
        return "vision_model." + key
    return key


def names(component, module):
    """(published name, tensor) of everything that a checkpoint of the module holds."""
    return [(published(component, key), value) for key, value in module.state_dict().items() if not key.endswith("position_ids")]


def check_known_answers(device="cpu"):
    """Raises when the generator is not the agreed one."""
    found = [f"{word:08x}" for word in philox((0, 0), 0, 1, device).reshape(-1).tolist()]
    if found != ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]:
        raise AssertionError(f"Philox(key 0, counter 0) is {found}")
    for key, shape, bits in (
        ("conv_in.weight", (320, 8, 3, 3), "bde73816 3e049eb0 3dfde0b6 3e3f34d5"),
        ("conv_in.bias", (320,), "bdc51353 3dbcac1a 3cc0503a 3dc8678d"),
    ):
        first = weight("unet", key, shape, 0, device).reshape(-1)[:4].cpu().numpy()
        found = " ".join(f"{word:08x}" for word in first.view(np.uint32).tolist())
        if found != bits:
            raise AssertionError(f"unet/{key} with seed 0 begins {found}, expected {bits}")


check_known_answers()


def build(component, size, device="cpu"):
    """The reference module in fp32 with whatever weights its own constructor gives it."""
    config = dict(CONFIGS["sizes"][size][component])
    with torch.device(device):
        if component == "text_encoder":
            from transformers import CLIPTextConfig, CLIPTextModel

            module = CLIPTextModel(
                CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, hidden_act="gelu", layer_norm_eps=1e-5,
                               projection_dim=config["hidden_size"], **config))
            if not hasattr(module, "text_model"):
                # The pipeline asks for text_encoder.text_model.final_layer_norm.
                CLIPTextModel.text_model = property(lambda m: m)
        elif component == "image_encoder":
            from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

            module = CLIPVisionModelWithProjection(
                CLIPVisionConfig(image_size=224, num_channels=3, hidden_act="gelu", layer_norm_eps=1e-5, **config))
        elif component == "vae":
            from diffusers import AutoencoderKL

            blocks = len(config["block_out_channels"])
            module = AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, sample_size=768, scaling_factor=0.18125,
                                   down_block_types=("DownEncoderBlock2D",) * blocks, up_block_types=("UpDecoderBlock2D",) * blocks, **config)
        elif component == "unet":
            from diffusers import I2VGenXLUNet

            module = I2VGenXLUNet(sample_size=32, in_channels=4, out_channels=4, **config)
        else:
            raise ValueError(f"no component is called {component}")
    return module.eval().requires_grad_(False)


def seed_weights(component, module, seed=WEIGHT_SEED):
    """Replaces every weight; returns how many numbers."""
    count = 0
    with torch.no_grad():
        for name, tensor in names(component, module):
            if not tensor.is_floating_point():
                raise ValueError(f"{component}/{name} is {tensor.dtype}: no rule says what it holds")
            tensor.copy_(weight(component, name, tuple(tensor.shape), seed, tensor.device))
            count += tensor.numel()
    return count


def load(component, size, device="cpu"):
    """The reference module with the weights of its names, fp32."""
    module = build(component, size, device)
    seed_weights(component, module)
    return module


def write_lists(folder):
    """One file for each size: "component/name d0 d1 …", sorted."""
    os.makedirs(folder, exist_ok=True)
    for size in CONFIGS["sizes"]:
        lines = []
        for component in COMPONENTS:
            module = build(component, size, "meta")
            lines += [" ".join([f"{component}/{name}", *map(str, tensor.shape)]) for name, tensor in names(component, module)]
        path = os.path.join(folder, f"weights-{size}.txt")
        with open(path, "w", encoding="ascii", newline="\n") as file:
            file.write("\n".join(sorted(lines)) + "\n")
        print(f"{path}: {len(lines)} tensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lists", metavar="FOLDER")
    args = parser.parse_args()
    print("known answers: as expected")
    if args.lists:
        write_lists(args.lists)
