"""A preset's model card: what `README.md` says when nobody wrote one."""

from keras_sphere.class_names import describe_classes
from keras_sphere.preset_files.hub_metadata import front_matter
from keras_sphere.readable import readable_duration

NOT_STATED = "not stated"
_MOST_NAMES = 100
_MOST_CLASSES_IN_A_PICTURE = 16


def model_card(config):
    """The text of a preset's `README.md`.

    Args:
        config: Dict as `schema.schema` describes it; `weights` needs only `dtype`
            and `kind`.

    Returns:
        String, in Markdown, with what the Hugging Face Hub reads at its top.
    """
    architecture, sampling = config["architecture"], config["sampling"]
    classes, names = architecture["num_classes"], architecture["class_names"]
    quantized = len(config.get("quantized_layers", ()))
    in_int8 = f"; the matrices of {quantized} layers in int8" if quantized else ""
    lines = [
        *front_matter(config),
        f"# {config['name']}",
        "",
        config["description"] or "A Sphere Encoder, made with keras_sphere.",
        "",
        f"- Images: {architecture['image_size']} px, "
        f"{architecture['num_channels']} channels, "
        f"{describe_classes(classes, names, _MOST_NAMES)}.",
        *_vector_lines(architecture),
        f"- Parameters: {config['parameters']:,}.",
        f"- Weights: {describe_weights(config['weights'])}{in_int8}.",
        f"- Generation: {describe_sampling(sampling)}.",
        f"- License: {config['license']}.",
        *training_lines(config["recipe"]["training"]),
        "",
        f"    python -m keras_sphere generate {_flags(classes)}",
        "",
        "```python",
        "import keras_sphere",
        "",
        'model = keras_sphere.presets.load("path/of/this/folder")',
        "samples = model.generate(num_images=16)",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _vector_lines(architecture):
    """What a card says of the vectors that a model is conditional on."""
    if not architecture.get("condition_dim"):
        return []
    embedder = architecture["embedder"]
    made = f", of texts by `{embedder}`" if embedder else ""
    return [f"- Conditional on vectors of {architecture['condition_dim']}{made}."]


def describe_sampling(sampling):
    """A few words on the entry `sampling` of a configuration."""
    noise = "shared" if sampling["shared_noise"] else "independent"
    steps = f"{sampling['steps']} steps"
    if "guidance_scale" in sampling:
        return (
            f"{steps}, guidance {sampling['guidance_scale']:g}, {noise} noise, "
            f"{sampling['schedule']} strength"
        )
    loop = sampling["loop_angle_degrees"]
    loop = sampling["angle_degrees"] if loop is None else loop
    return (
        f"{steps}, {sampling['angle_degrees']:g} and then {loop:g} degrees, guidance "
        f"{sampling['guidance_degrees']:g} degrees, {noise} noise"
    )


def training_lines(notes):
    """What the notes of a run of `training.train` say, as a list of lines.

    Notes of another origin may be anything: they are shown only if they are a run's.
    """
    known = {"dataset": str, "steps": int, "seconds_trained": (int, float)}
    if not all(isinstance(notes.get(key), kind) for key, kind in known.items()):
        return []
    count = notes.get("num_images")
    count = f"{count:,}" if count and isinstance(count, int) else "an unknown number of"
    begun = f"; begun from {notes['init_from']}" if notes.get("init_from") else ""
    return [
        f"- Trained on: {count} images of {notes['dataset']} ({notes.get('split')}); "
        f"license of the images: {notes.get('data_license') or NOT_STATED}.",
        f"- Trained for: {readable_duration(notes['seconds_trained'])}, "
        f"{notes['steps']:,} steps of {notes.get('batch_size')} images, on "
        f"{notes.get('machine')} with {notes.get('backend')}, until "
        f"{notes.get('date')}{begun}.",
    ]


def _flags(num_classes):
    flags = ["--preset=path/of/this/folder"]
    if num_classes:
        flags.append("--classes=all")
    if num_classes > _MOST_CLASSES_IN_A_PICTURE:
        flags.append("--random_classes --num_images=16")
    return " ".join(flags)


def describe_weights(entry):
    """A few words on the entry `weights` of a configuration, or on its absence."""
    if entry is None:
        return "none"
    kinds = {"raw": "as trained (raw)", "ema": "their moving average (EMA)"}
    return f"{kinds[entry['kind']]}, {entry['dtype']}"
