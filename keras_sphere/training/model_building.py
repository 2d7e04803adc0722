"""From a plan to the model that it trains."""

from keras_sphere.backend.valueless import Valueless
from keras_sphere.learning_rate import WarmupCosine
from keras_sphere.models import SphereEncoderBackbone, SphereEncoderModel
from keras_sphere.optimizers import SphereAdamW
from keras_sphere.preset_files.recipe import losses_from_recipe

_JIT_COMPILE = {"auto": "auto", "yes": True, "no": False}


def build_model(plan):
    """The untrained model of a plan, compiled.

    Args:
        plan: `TrainingPlan`.

    Returns:
        `SphereEncoderModel`.
    """
    model = SphereEncoderModel(
        SphereEncoderBackbone(**_architecture(plan), dtype=plan.dtype),
        **plan.noise,
        **plan.objective,
        perceptual=plan.perceptual,
        sampling=plan.sampling,
        seed=plan.seed,
    )
    loss, loss_weights = losses_from_recipe(plan.losses)
    model.compile(
        optimizer=_optimizer(plan),
        loss=loss,
        loss_weights=loss_weights,
        jit_compile=_JIT_COMPILE[plan.jit_compile],
        steps_per_execution=plan.steps_per_execution,
    )
    return model


def count_parameters(plan):
    """Numbers of parameters; no memory is taken for them.

    Args:
        plan: `TrainingPlan`.

    Returns:
        Dict of integers: `encoder`, `decoder` and `total`.
    """
    with Valueless():
        backbone = SphereEncoderBackbone(**_architecture(plan), dtype=plan.dtype)
    encoder, total = backbone.encoder.count_params(), backbone.count_params()
    return {"encoder": encoder, "decoder": total - encoder, "total": total}


def _architecture(plan):
    architecture = dict(plan.architecture)
    if plan.rematerialize_every is not None:
        architecture["rematerialize_every"] = plan.rematerialize_every
    return architecture


def _optimizer(plan):
    accumulated = plan.gradient_accumulation_steps
    schedule = WarmupCosine(
        plan.optimizer["learning_rate"],
        plan.min_learning_rate,
        plan.warmup_updates,
        plan.decay_updates,
    )
    return SphereAdamW(
        **{**plan.optimizer, "learning_rate": schedule},
        gradient_accumulation_steps=accumulated if accumulated > 1 else None,
    )
