"""Which of the reference's own numbers to believe: one UNet case in fp32 by several ways, in fp64, and in fp16, each against the others.

  python3 opinions.py OUT.json [--size small] [--case 2x16x88x160]

Made because fp16, PyTorch's and ours alike, was 25 times as far from fp32 at 704x1280x16 as at other sizes. What it found: fp64, fp32
without cuDNN and every fp16 agree; fp32 through cuDNN is the one that is wrong there.
"""
import argparse
import sys

import torch
import torch.nn.functional as functional

import cases
import pipeline
import seeded
from seeded import CONFIGS

PLAIN = functional.scaled_dot_product_attention


def attention_in_parts(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **_):
    """softmax(q kᵀ / √d) v by plain products, a few sequences at a time: what no kernel can get wrong."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    rows = max(1, (1 << 30) // max(1, query.shape[1] * query.shape[2] * key.shape[2]))
    parts = [torch.softmax(q @ k.transpose(-1, -2) * scale, dim=-1) @ v
             for q, k, v in zip(query.split(rows), key.split(rows), value.split(rows))]
    return torch.cat(parts)


def made(unet, case, double=False, cudnn=True, plain_attention=True):
    given = {name: value.double() if double and value.is_floating_point() else value for name, value in cases.tensors(case, "cuda").items()}
    functional.scaled_dot_product_attention = PLAIN if plain_attention else attention_in_parts
    try:
        with torch.backends.cudnn.flags(enabled=cudnn, allow_tf32=False):
            return cases.run(unet, case, given)["noise_pred"]
    finally:
        functional.scaled_dot_product_attention = PLAIN
        pipeline.free()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--size", choices=["tiny", "small", "full"], default="small")
    parser.add_argument("--case", default="2x16x88x160", help="b x f x h x w, in latent pixels")
    args = parser.parse_args()
    pipeline.exact_fp32()
    record = pipeline.Record(args.out)
    shape = tuple(int(part) for part in args.case.split("x"))
    # Two cases, so that the one asked for has the timestep that it has among the full-size ones.
    case = cases.unet_cases([(2, 16, 64, 64), shape], CONFIGS["sizes"][args.size]["unet"]["cross_attention_dim"])[1]
    unet = record.hold("load", lambda: seeded.load("unet", args.size, "cuda"))
    found = {}

    def opinion(name, work):
        result = record.hold(name, work)
        if result is not None:
            found[name] = result

    opinion("fp32", lambda: made(unet, case))
    opinion("fp32 again", lambda: made(unet, case))
    opinion("fp32 without cuDNN", lambda: made(unet, case, cudnn=False))
    opinion("fp32, attention by products", lambda: made(unet, case, plain_attention=False))
    unet.half()
    opinion("fp16", lambda: made(unet, case))
    opinion("fp16 without cuDNN", lambda: made(unet, case, cudnn=False))
    opinion("fp16, attention by products", lambda: made(unet, case, plain_attention=False))
    unet.float()
    opinion("fp32 of fp16 weights", lambda: made(unet, case))
    unet = record.hold("load again", lambda: seeded.load("unet", args.size, "cuda").double())
    opinion("fp64, attention by products", lambda: made(unet, case, double=True, plain_attention=False))
    names = list(found)
    record.data["relative"] = {a: {b: pipeline.relative(found[a], found[b])["relative"] for b in names if b != a} for a in names}
    for a in names:
        print(a, {b: f"{value:.2e}" for b, value in record.data["relative"][a].items()})
    sys.exit(record.finish())


if __name__ == "__main__":
    main()
