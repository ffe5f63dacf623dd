"""Speed and memory of the reference pipeline in fp16 on a GPU.

  python3 speed.py OUT.json [--compile] [--compile-seconds 240] [--skip-eager] [--skip-memory] [--size full] [--sizes …] [--vocabulary FILE]

Memory is what PyTorch's allocator says (peak) and what NVML says of the device above what was in use before this process.
"""
import argparse
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time

import torch

import pipeline
import seeded
from fullsize import SIZES, parsed
from seeded import CONFIGS

WARM, MEASURED = 4, 10


class Nvml:
    """Bytes in use on the first device, and by this process where NVML tells."""

    class Memory(ctypes.Structure):
        _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]

    class Process(ctypes.Structure):
        _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong), ("gpu_instance", ctypes.c_uint), ("compute_instance", ctypes.c_uint)]

    def __init__(self):
        self.library = ctypes.CDLL("libnvidia-ml.so.1")
        self.check(self.library.nvmlInit_v2())
        self.device = ctypes.c_void_p()
        self.check(self.library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self.device)))
        self.before = self.used()

    @staticmethod
    def check(status):
        if status != 0:
            raise OSError(f"NVML answered {status}")

    def used(self):
        memory = self.Memory()
        self.check(self.library.nvmlDeviceGetMemoryInfo(self.device, ctypes.byref(memory)))
        return memory.used

    def processes(self):
        count = ctypes.c_uint(64)
        found = (self.Process * 64)()
        if self.library.nvmlDeviceGetComputeRunningProcesses_v3(self.device, ctypes.byref(count), found) != 0:
            return None
        return [{"pid": found[i].pid, "bytes": found[i].used} for i in range(count.value)]


def memory(nvml):
    """Read while the allocator still holds its peak: before empty_cache."""
    torch.cuda.synchronize()
    return {
        "allocator_peak": torch.cuda.max_memory_allocated(), "reserved_peak": torch.cuda.max_memory_reserved(),
        "nvml_above_start": nvml.used() - nvml.before if nvml else None, "nvml_processes": nvml.processes() if nvml else None, "pid": os.getpid(),
    }


def fresh():
    pipeline.free()
    torch.cuda.reset_peak_memory_stats()


def median(values):
    return sorted(values)[len(values) // 2]


def unet_inputs(unet, size, height, width, frames):
    """Both guidance halves, as the pipeline gives them."""
    context = CONFIGS["sizes"][size]["unet"]["cross_attention_dim"]

    def random(*shape):
        return torch.randn(*shape, device="cuda", dtype=unet.dtype)

    return {
        "sample": random(2, 4, frames, height // 8, width // 8), "image_latents": random(2, 4, frames, height // 8, width // 8),
        "encoder_hidden_states": random(2, 77, context), "image_embeddings": random(2, 1, context), "fps": torch.tensor([16, 16], device="cuda"),
    }


@torch.no_grad()
def step_times(nvml, unet, run, size, tag, warm=WARM, measured=MEASURED):
    """ms of each measured UNet call, by events."""
    fresh()
    given = unet_inputs(unet, size, *parsed(tag))
    sample = given.pop("sample")
    times = []
    begin = time.time()
    for k in range(warm + measured):
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        timestep = torch.tensor(981 - 20 * k, device="cuda")
        first.record()
        run(sample, timestep, return_dict=False, **given)
        last.record()
        torch.cuda.synchronize()
        if k == 0:
            first_seconds = time.time() - begin
        if k >= warm:
            times.append(first.elapsed_time(last))
    return {"ms_median": median(times), "ms_min": min(times), "ms_max": max(times), "ms": times, "first_call_seconds": first_seconds, **memory(nvml)}


def clip(nvml, pipe, tag, steps):
    fresh()
    height, width, frames = parsed(tag)
    noise = seeded.gaussian("input:film-full/noise", (1, 4, frames, height // 8, width // 8))
    posterior = seeded.gaussian("input:film-full/posterior_noise", (1, 4, height // 8, width // 8))
    begin = time.time()
    pipeline.film(pipe, pipeline.pil(pipeline.soft_picture(640, 600)), noise.cuda(), posterior, CONFIGS["prompt"], CONFIGS["negative_prompt"], steps=steps)
    torch.cuda.synchronize()
    return {"seconds": time.time() - begin, "steps": steps, **memory(nvml)}


@torch.no_grad()
def decode_times(nvml, vae, tag, chunk):
    fresh()
    height, width, frames = parsed(tag)
    latents = torch.randn(frames, 4, height // 8, width // 8, device="cuda", dtype=vae.dtype)
    seconds = []
    for _ in range(4):
        torch.cuda.synchronize()
        begin = time.time()
        torch.cat([vae.decode(latents[i : i + chunk]).sample for i in range(0, frames, chunk)])
        torch.cuda.synchronize()
        seconds.append(time.time() - begin)
    return {"seconds": min(seconds[1:]), "first_seconds": seconds[0], "frames_per_call": chunk, **memory(nvml)}


def load_time(unet):
    """Seconds from a checkpoint file in the page cache to a module on the GPU."""
    from diffusers import I2VGenXLUNet

    folder = tempfile.mkdtemp()
    try:
        unet.save_pretrained(folder)
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
        begin = time.time()
        loaded = I2VGenXLUNet.from_pretrained(folder, torch_dtype=torch.float16).to("cuda")
        torch.cuda.synchronize()
        seconds = time.time() - begin
        del loaded
    finally:
        shutil.rmtree(folder)
    return {"seconds": seconds, "file_bytes": size}


def compiled_times(nvml, unet, size, tag, seconds):
    """torch.compile of the UNet at fixed shapes; an alarm ends one that takes too long."""

    def stop(*_):
        raise TimeoutError(f"torch.compile took more than {seconds} s")

    torch._dynamo.reset()
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return step_times(nvml, unet, torch.compile(unet, dynamic=False), size, tag)
    finally:
        signal.alarm(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--size", choices=["tiny", "small", "full"], default="full")
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--compile-seconds", type=int, default=240, help="for all sizes together")
    parser.add_argument("--skip-eager", action="store_true", help="no clips, no VAE, no load time: only steps")
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--vocabulary", default=pipeline.VOCABULARY)
    args = parser.parse_args()
    sizes = args.sizes.split(",")
    try:
        nvml = Nvml()
    except (OSError, AttributeError) as error:
        pipeline.say(f"no NVML: {error}")
        nvml = None
    record = pipeline.Record(args.out)
    record.data["nvml_before"] = nvml.before if nvml else None
    torch.zeros(1, device="cuda")
    torch.cuda.synchronize()
    record.data["nvml_context"] = nvml.used() - nvml.before if nvml else None

    def half(name):
        module = seeded.load(name, args.size, "cuda").half()
        pipeline.free()
        return module

    modules = {name: record.hold(f"load {name}", lambda name=name: half(name)) for name in seeded.COMPONENTS}
    unet, vae = modules["unet"], modules["vae"]
    record.stage("weights_resident", lambda: (fresh(), memory(nvml))[1])
    if not args.skip_eager:
        pipe = record.hold("pipeline", lambda: pipeline.whole(modules, args.vocabulary))
        record.stage("clip_cold", lambda: clip(nvml, pipe, sizes[0], args.steps))
        record.stage("clip_warm", lambda: clip(nvml, pipe, sizes[0], args.steps))
    for tag in sizes:
        record.stage(f"step_eager_{tag}", lambda tag=tag: step_times(nvml, unet, unet, args.size, tag))
    if not args.skip_eager:
        for tag in sizes:
            frames = parsed(tag)[2]
            record.stage(f"decode_batched_{tag}", lambda tag=tag, frames=frames: decode_times(nvml, vae, tag, frames))
            record.stage(f"decode_sliced_{tag}", lambda tag=tag: decode_times(nvml, vae, tag, 1))
        record.stage("load_unet_file", lambda: load_time(unet))
    if not args.skip_memory:
        modules["text_encoder"].to("cpu")
        modules["image_encoder"].to("cpu")
        for tag in sizes:
            record.stage(f"memory_unet_and_vae_{tag}", lambda tag=tag: step_times(nvml, unet, unet, args.size, tag, 1, 2))
        record.stage(f"memory_decode_sliced_{sizes[0]}", lambda: decode_times(nvml, vae, sizes[0], 1))
        vae.to("cpu")
        for tag in sizes:
            record.stage(f"memory_unet_only_{tag}", lambda tag=tag: step_times(nvml, unet, unet, args.size, tag, 1, 2))
    if args.compile:
        left = args.compile_seconds
        for tag in sizes:
            if left < 20:
                record.data["errors"][f"step_compiled_{tag}"] = f"not tried: {args.compile_seconds} s were spent"
                continue
            begin = time.time()
            record.stage(f"step_compiled_{tag}", lambda tag=tag, left=left: compiled_times(nvml, unet, args.size, tag, int(left)))
            left -= time.time() - begin
    sys.exit(record.finish())


if __name__ == "__main__":
    main()
