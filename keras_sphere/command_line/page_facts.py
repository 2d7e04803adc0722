"""What a page that shows a model reads of it."""

from keras_sphere.version import __version__


def page_facts(source, model):
    """Dict of facts, which are JSON.

    Args:
        source: `ModelSource`.
        model: `SphereEncoderModel`, the loaded one.
    """
    backbone = model.backbone
    return {
        **source.card,
        "version": __version__,
        "config": backbone.architecture,
        "max_angle_degrees": model.noise_schedule.max_angle_degrees,
        "sampling": model.sampling.to_dict(),
        "class_names": backbone.class_names,
    }
