"""A preset's model card: what `README.md` says when nobody wrote one."""

from keras_sphere.class_names import describe_classes


def model_card(config):
    """The text of a preset's `README.md`.

    Args:
        config: Dict as `schema.SCHEMA` describes it; `weights` needs only `dtype`
            and `kind`.

    Returns:
        String, in Markdown.
    """
    architecture, sampling = config["architecture"], config["sampling"]
    classes, names = architecture["num_classes"], architecture["class_names"]
    quantized = len(config.get("quantized_layers", ()))
    in_int8 = f"; the matrices of {quantized} layers in int8" if quantized else ""
    lines = [
        f"# {config['name']}",
        "",
        config["description"] or "A Sphere Encoder, made with keras_sphere.",
        "",
        f"- Images: {architecture['image_size']} px, "
        f"{architecture['num_channels']} channels, "
        f"{describe_classes(classes, names)}.",
        f"- Parameters: {config['parameters']:,}.",
        f"- Weights: {describe_weights(config['weights'])}{in_int8}.",
        f"- Generation: {sampling['steps']} steps, guidance "
        f"{sampling['guidance_scale']:g}, "
        f"{'shared' if sampling['shared_noise'] else 'independent'} noise, "
        f"{sampling['schedule']} strength.",
        f"- License: {config['license']}.",
        "",
        "```python",
        "import keras_sphere",
        "",
        'model = keras_sphere.presets.load("path/of/this/folder")',
        "samples = model.generate(num_images=16)",
        "```",
    ]
    return "\n".join(lines) + "\n"


def describe_weights(entry):
    """A few words on the entry `weights` of a configuration, or on its absence."""
    if entry is None:
        return "none"
    kinds = {"raw": "as trained (raw)", "ema": "their moving average (EMA)"}
    return f"{kinds[entry['kind']]}, {entry['dtype']}"
