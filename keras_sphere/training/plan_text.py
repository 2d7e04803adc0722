"""A plan as text, for people."""

from keras_sphere.angle_gap import describe_gap
from keras_sphere.class_names import describe_classes
from keras_sphere.data.augmentation import names_in_record
from keras_sphere.distribution import abstract_variables, memory_per_device
from keras_sphere.models.angle_warmup import INITIAL_DEGREES
from keras_sphere.presets.sources import find
from keras_sphere.readable import readable_size
from keras_sphere.training.memory import checkpoint_bytes, estimate_memory


def format_plan(plan, parameters, backend):
    """The plan as lines of text.

    Args:
        plan: `TrainingPlan`.
        parameters: Dict as `count_parameters` returns it.
        backend: String.

    Returns:
        String.
    """
    rows = [
        ("preset", f"{plan.preset}: {find(plan.preset).config['description']}"),
        ("data", _data(plan)),
        ("model", _model(plan, parameters)),
        ("steps", _steps(plan)),
        ("learning rate", _learning_rate(plan)),
        ("losses", _losses(plan)),
        ("noise", _noise(plan)),
        ("backend", _backend(plan, backend)),
        ("memory", _memory(plan, parameters["total"])),
        ("checkpoints", _checkpoints(plan, parameters["total"])),
    ]
    warning = _gap(plan)[1]
    rows += [("note", warning)] if warning else []
    width = max(len(name) for name, _ in rows)
    return "\n".join(
        ["Plan of the training:", *(f"  {name:{width}}  {text}" for name, text in rows)]
    )


def _data(plan):
    side, architecture = plan.data.image_size, plan.architecture
    classes = architecture["num_classes"], architecture["class_names"]
    count = f"{plan.num_images:,}" if plan.num_images else "an unknown number of"
    how = [f"seed {plan.data.seed}"]
    if plan.data.horizontal_flip:
        how.append("flipped at random")
    if plan.data.augment:
        how.append(f"augmented ({names_in_record(plan.data.augment)})")
    if plan.data.resize:
        how.append(f"resized ({plan.data.resize})")
    how.append(f"crop {plan.data.crop}")
    return (
        f"{plan.data.dataset}, {plan.data.split}: {count} images of "
        f"{side}x{side}x{architecture['num_channels']}, "
        f"{describe_classes(*classes)}{_vectors(architecture)}; {', '.join(how)}"
    )


def _vectors(architecture):
    dim, embedder = (architecture.get(key) for key in ("condition_dim", "embedder"))
    if not dim:
        return ""
    return f", vectors of {dim}" + (f" of captions by {embedder}" if embedder else "")


def _model(plan, parameters):
    a = plan.architecture
    sizes = " and ".join(_size(a[f"{half}_size"]) for half in ("encoder", "decoder"))
    side = a["image_size"] // a["patch_size"]
    return (
        f"{parameters['total']:,} parameters: encoder {parameters['encoder']:,}, "
        f"decoder {parameters['decoder']:,}; sizes {sizes}; "
        f"{side}x{side} tokens of {a['token_channels']} channels"
    )


def _size(size):
    if isinstance(size, str):
        return size
    return f"{size['num_layers']} x {size['hidden_dim']}"


def _steps(plan):
    accumulated = plan.gradient_accumulation_steps
    together = f" x {accumulated} accumulated" if accumulated > 1 else ""
    used = plan.steps_per_epoch * plan.data.batch_size
    text = (
        f"{plan.total_steps:,} = {plan.epochs:,} epochs x {plan.steps_per_epoch:,}; "
        f"batch {plan.data.batch_size}{together}, {used:,} images per epoch"
    )
    return text + (f"; ends after {plan.max_steps:,}" if plan.max_steps else "")


def _learning_rate(plan):
    o = plan.optimizer
    return (
        f"{o['learning_rate']:.3g} after {plan.warmup_updates:,} updates of warm-up, "
        f"{plan.min_learning_rate:.3g} from {plan.decay_updates:,} on; encoder x "
        f"{o['encoder_learning_rate_factor']:g}; clip {o['global_clipnorm']}; "
        f"average {o['ema_momentum']:g}; decay {o['weight_decay']:g}"
    )


def _losses(plan):
    def pixel(name):
        loss = plan.losses[name]
        weights = f"{loss['distance_weight']:g} {loss['distance']}"
        if plan.perceptual:
            weights += f" + {loss['perceptual_weight']:g} {plan.perceptual}"
        return f"{loss['weight']:g} x ({weights})"

    parts = [f"reconstruction {pixel('pixel_reconstruction')}"]
    if "pixel_consistency" in plan.losses:
        parts.append(f"consistency {pixel('pixel_consistency')}")
    parts.append(f"latents {plan.losses['latent_consistency']['weight']:g}")
    if plan.losses.get("distribution"):
        by_scores = " by scores" if plan.objective.get("score_matching") else ""
        weight = plan.losses["distribution"]["weight"]
        parts.append(f"distribution {weight:g}{by_scores}")
    if plan.losses.get("logits"):
        weight, network = plan.losses["logits"]["weight"], plan.objective["classifier"]
        parts.append(f"logits {weight:g} of {network}")
    for name, of in (("frechet_latents", "latents"), ("frechet_features", "features")):
        if plan.losses.get(name):
            parts.append(f"Frechet distance of {of} {plan.losses[name]['weight']:g}")
    if plan.losses.get("latent_uniformity"):
        parts.append(_uniformity(plan.losses["latent_uniformity"]))
    return ", ".join(parts)


def _uniformity(loss):
    per_class = " per class" if loss.get("per_class") else ""
    return f"uniformity {loss['weight']:g}{per_class}"


def _noise(plan):
    n = plan.noise
    parts = [f"up to {n['max_angle_degrees']:g} degrees"]
    warmup = plan.objective.get("angle_warmup")
    if warmup:
        parts[0] += f", from {INITIAL_DEGREES:g} in the first {warmup['steps']:,} steps"
    if plan.architecture.get("motion") == "rotation":
        parts.append("a rotation")
    else:
        cases = f"{n['hard_case_probability']:g} hard cases ({n['hard_case_band']})"
        parts.append(cases)
    return "; ".join([*parts, _gap(plan)[0]])


def _gap(plan):
    return describe_gap(
        plan.noise["max_angle_degrees"], plan.architecture, plan.num_images
    )


def _backend(plan, backend):
    parts = [backend, plan.dtype or "Keras' default dtype"]
    parts.append(f"jit_compile {plan.jit_compile}")
    if plan.steps_per_execution > 1:
        parts.append(f"{plan.steps_per_execution} steps per call")
    if plan.rematerialize_every:
        parts.append(f"rematerialised every {plan.rematerialize_every} blocks")
    return ", ".join(parts) + f"; seed {plan.seed}"


def _memory(plan, parameters):
    parts = estimate_memory(parameters, plan)
    named = ", ".join(f"{name} {readable_size(size)}" for name, size in parts.items())
    total = readable_size(sum(parts.values()))
    return (
        f"{total}: {named}. Not included: activations, which grow with the "
        "batch, and a perceptual network"
    )


def _checkpoints(plan, parameters):
    size = checkpoint_bytes(estimate_memory(parameters, plan))
    return (
        f"every {plan.checkpoint_every_steps:,} steps, the newest {plan.keep} kept, "
        f"{readable_size(size)} each"
    )


def format_memory_per_device(plan):
    """Memory of weights, gradients and optimizer on each device, for each mode."""
    variables = abstract_variables(plan.architecture)
    whole = memory_per_device(variables, "data_parallel")["total"]
    lines = [
        "Memory per device, before activations:",
        f"  one, or data parallel       {readable_size(whole)}",
    ]
    for count in (2, 4, 8):
        try:
            split = memory_per_device(variables, "model_parallel", count)["total"]
        except ValueError:  # the matrices do not divide
            continue
        lines.append(f"  model parallel, {count} devices   {readable_size(split)}")
    return "\n".join(lines)
