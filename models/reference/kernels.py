"""Where the GPU's time goes in a step of our UNet: kernels by name and by what they do, as CUPTI counts them (through torch's profiler).

  python3 kernels.py PACKAGE [--size 512x512x16] [--option name=value …] [--ort-option name=value …]

The graph and its weights are the package's; ONNX Runtime's own arena is used, since kernels do not depend on it.
"""
import argparse
import collections
import json
import os
import re

import numpy as np
import torch
import onnxruntime as ort

STEPS = 3
KINDS = [("attention", "fmha|flash|attention|sdpa|cudnn_generated_fort_native_sdpa"), ("convolution", "conv|xmma|implicit|fprop|nhwc2|winograd"), ("matrix product", "gemm|cutlass|nvjet|splitk|cublas"),
         ("group norm", "groupnorm|group_norm"), ("layer norm", "layernorm|layer_norm|skiplayer"), ("gated gelu", "biassplitgelu|splitgelu|gelu"),
         ("bias and residual", "biasadd"), ("copies and transposes", "transpose|copy|memcpy|memset|concat|split|expand|slice"), ("elementwise", "elementwise|binary|unary|add|mul")]


def formula(text, sizes):
    def term(part):
        name, _, divisor = part.strip().partition("/")
        return int(name) if name.isdigit() else sizes[name] // int(divisor or 1)
    return [int(np.prod([term(part) for part in entry.split("*")])) for entry in text.split(",")]


def feeds(package, sizes):
    with open(os.path.join(package, "manifest.json")) as file:
        manifest = json.load(file)
    half = np.float16 if manifest["precision"] == "fp16" else np.float32
    b, f, h, w = sizes["b"], sizes["f"], sizes["h"], sizes["w"]
    random = np.random.default_rng(1)
    shapes = {"sample": ((b, 4, f, h, w), np.float32), "context": ((b, 145, 1024), half), "image_features": ((b, 4, f, h, w), half), "fps_embedding": ((b, 1280), half)}
    given = {name: random.standard_normal(shape).astype(kind) for name, (shape, kind) in shapes.items()}
    given["timestep"] = np.array([501], np.float32)
    for told in manifest["components"]["unet"]["inputs"]:
        if told["kind"] != "tensor":
            given[told["name"]] = np.array(formula(told["formula"], sizes), np.int64)
    return given


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("package")
    parser.add_argument("--size", default="512x512x16")
    parser.add_argument("--option", action="append", default=[])
    args = parser.parse_args()
    height, width, frames = (int(part) for part in args.size.split("x"))
    options = ort.SessionOptions()
    options.enable_mem_pattern = False
    provider = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested", "fuse_conv_bias": "1"}
    provider.update(option.split("=", 1) for option in args.option)
    session = ort.InferenceSession(os.path.join(args.package, "unet.onnx"), options, providers=[("CUDAExecutionProvider", provider)])
    given = feeds(args.package, {"b": 2, "f": frames, "h": height // 8, "w": width // 8})
    for _ in range(3):
        session.run(None, given)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        for _ in range(STEPS):
            session.run(None, given)
    names, counts, kinds = collections.Counter(), collections.Counter(), collections.Counter()
    for event in profiler.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            names[event.name] += event.device_time_total
            counts[event.name] += 1
            kinds[next((kind for kind, pattern in KINDS if re.search(pattern, event.name.lower())), "other")] += event.device_time_total
    print(f"{sum(names.values()) / STEPS / 1000:.1f} ms of kernels in a step of {args.size}")
    for kind, time in kinds.most_common():
        print(f"{time / STEPS / 1000:8.2f} ms  {kind}")
    for name, time in names.most_common(40):
        print(f"{time / STEPS / 1000:8.3f} ms {counts[name] / STEPS:6.0f} ×  {name[:150]}")


if __name__ == "__main__":
    main()
