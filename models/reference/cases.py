"""Networks of the reference on inputs that come from names: a case says what goes in, its outputs are what is stored."""
import torch

import seeded

# [49406, …, 49407, padding]: "a photo of a cat", and the model's usual negative prompt.
CAT = [49406, 320, 1125, 539, 320, 2368]
NEGATIVE = [49406, 23781, 775, 267, 1518, 17033, 267, 8159, 267, 21977, 267, 1042, 9977, 267, 32139, 1285, 267, 16363, 267, 1518, 15630,
            267, 1518, 27506, 34886, 267, 8159, 4905, 267, 34040, 5706]


def padded(ids):
    return (ids + [49407] * 77)[:77]


def random_ids(name):
    """77 ids from the words of a stream: word mod 49406, between the two special ones."""
    words = seeded.philox(seeded.key_of(name, seeded.INPUT_SEED), 0, 19, "cpu").reshape(-1)[:75].tolist()
    return [49406] + [word % 49406 for word in words] + [49407]


def stream_input(case, name, *shape):
    return {"stream": f"input:{case}/{name}", "shape": list(shape)}


def text_cases():
    return [
        {"name": "text-2", "component": "text_encoder", "inputs": {"input_ids": {"values": [padded(NEGATIVE), padded(CAT)], "type": "int64"}}},
        {"name": "text-1", "component": "text_encoder", "inputs": {"input_ids": {"values": [random_ids("input:text-1/input_ids")], "type": "int64"}}},
    ]


def vision_cases():
    return [{"name": f"vision-{b}", "component": "image_encoder", "inputs": {"pixel_values": stream_input(f"vision-{b}", "pixel_values", b, 3, 224, 224)}}
            for b in (1, 2)]


def vae_cases(sizes):
    """sizes: (b, height, width) in pixels, of the encoder; the decoder makes as many."""
    cases = []
    for b, height, width in sizes:
        tag = f"{b}x{height}x{width}"
        cases.append({"name": f"vae-encoder-{tag}", "component": "vae_encoder",
                      "inputs": {"image": stream_input(f"vae-encoder-{tag}", "image", b, 3, height, width)}})
        cases.append({"name": f"vae-decoder-{tag}", "component": "vae_decoder",
                      "inputs": {"latents": stream_input(f"vae-decoder-{tag}", "latents", b, 4, height // 8, width // 8)}})
    return cases


def unet_cases(sizes, context):
    """sizes: (b, f, h, w) in latent pixels."""
    cases = []
    for number, (b, f, h, w) in enumerate(sizes):
        name = f"unet-{b}x{f}x{h}x{w}"
        cases.append({
            "name": name, "component": "unet",
            "inputs": {
                "sample": stream_input(name, "sample", b, 4, f, h, w),
                "encoder_hidden_states": stream_input(name, "encoder_hidden_states", b, 77, context),
                "image_embeddings": stream_input(name, "image_embeddings", b, context),
                "image_latents": stream_input(name, "image_latents", b, 4, f, h, w),
                "fps": {"values": [16 - 5 * (i % 2) for i in range(b)], "type": "float32"},
                "timestep": {"values": [(981, 521, 41, 721, 281)[number % 5]], "type": "float32"},
            },
        })
    return cases


def tensor(given, device="cpu", suffix=""):
    """The input that a case describes; a suffix gives another one of the same kind."""
    if "stream" in given:
        return seeded.stream(given["stream"] + suffix, given["shape"], device=device)
    return torch.tensor(given["values"], dtype=torch.int64, device=device)


def tensors(case, device="cpu"):
    return {name: tensor(given, device) for name, given in case["inputs"].items()}


def parts_of(component):
    """The module that a component of the package comes from."""
    return "vae" if component.startswith("vae") else component


def text_embeddings(module, ids):
    """What the pipeline makes of ids at clip_skip 1: the layer before the last, through the final norm."""
    inner = module.text_model
    seen = []
    hook = inner.encoder.layers[-2].register_forward_hook(lambda m, args, out: seen.append(out[0] if isinstance(out, tuple) else out))
    try:
        hidden = module(ids, attention_mask=None, output_hidden_states=True)[-1][-2]
    finally:
        hook.remove()
    if not torch.equal(seen[0], hidden):
        raise AssertionError("hidden_states[-2] is not the output of the layer before the last")
    return inner.final_layer_norm(hidden)


def run_unet(unet, given):
    """noise_pred, and what does not depend on the step: context, image_features, fps_embedding."""
    seen = {}
    frames = given["sample"].shape[2]
    type_ = unet.dtype
    hooks = [
        unet.mid_block.register_forward_pre_hook(
            lambda m, args, kwargs: seen.update(context=kwargs["encoder_hidden_states"][::frames]), with_kwargs=True),
        unet.conv_in.register_forward_pre_hook(lambda m, args: seen.update(image_features=args[0][:, 4:])),
        unet.fps_embedding.register_forward_hook(lambda m, args, out: seen.update(fps_embedding=out)),
    ]
    try:
        out = unet(given["sample"].to(type_), given["timestep"][0], fps=given["fps"], image_latents=given["image_latents"].to(type_),
                   image_embeddings=given["image_embeddings"].to(type_).unsqueeze(1),
                   encoder_hidden_states=given["encoder_hidden_states"].to(type_), return_dict=False)[0]
    finally:
        for hook in hooks:
            hook.remove()
    # [b·f, 4, h, w] → [b, 4, f, h, w]
    features = seen["image_features"].reshape(-1, frames, *seen["image_features"].shape[1:]).permute(0, 2, 1, 3, 4)
    return {"noise_pred": out, "context": seen["context"], "image_features": features, "fps_embedding": seen["fps_embedding"]}


@torch.no_grad()
def run(module, case, given=None):
    """Outputs by name, fp32 on the CPU."""
    given = given or tensors(case, next(module.parameters()).device)
    component, type_ = case["component"], next(module.parameters()).dtype
    if component == "text_encoder":
        made = {"prompt_embeds": text_embeddings(module, given["input_ids"])}
    elif component == "image_encoder":
        made = {"image_embeds": module(given["pixel_values"].to(type_)).image_embeds}
    elif component == "vae_encoder":
        made = {"moments": module.encode(given["image"].to(type_)).latent_dist.parameters}
    elif component == "vae_decoder":
        made = {"image": module.decode(given["latents"].to(type_)).sample}
    else:
        made = run_unet(module, given)
    return {name: value.float().cpu() for name, value in made.items()}


def changed_inputs(case, given):
    """(what, the inputs with that one replaced) for each thing that the output must depend on."""
    device = next(iter(given.values())).device
    for name, described in case["inputs"].items():
        if name == "image_latents":
            other = tensor(described, device, ":other")
            frames = given[name].shape[2]
            first, later = given[name].clone(), given[name].clone()
            first[:, :, :1] = other[:, :, :1]
            later[:, :, 1:] = other[:, :, 1:]
            yield "first_frame_latents", {**given, name: first}
            if frames > 1:
                yield "later_frame_latents", {**given, name: later}
        elif name == "fps":
            yield name, {**given, name: given[name] // 2}
        elif name == "timestep":
            yield name, {**given, name: (given[name] + 500) % 1000}
        elif name == "input_ids":
            yield name, {**given, name: (given[name] + 1000) % 49406}
        else:
            yield name, {**given, name: tensor(described, device, ":other")}
