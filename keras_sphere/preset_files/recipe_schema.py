"""What a preset's recipe may say: losses, their networks and terms, the optimizer."""

from keras_sphere.choices import (
    CLASSIFIERS,
    CYCLE_ENCODERS,
    DISTANCES,
    DISTRIBUTION_FEATURES,
    FRECHET_COMPARED,
    FRECHET_POOLINGS,
    LOGIT_DISTANCES,
    PERCEPTUAL_NETWORKS,
    REGIMES,
    TRANSPORT_NORMALIZERS,
)
from keras_sphere.preset_files import rules

_RIGHT_ANGLE = rules.number(0.0, 90.0)
_PIXEL_LOSS = {
    "weight": rules.number(0.0),
    "distance": rules.choice(*DISTANCES),
    "distance_weight": rules.number(0.0),
    "perceptual_weight": rules.number(0.0),
    "feature_distance": rules.choice(*DISTANCES),
}
_SHARE = rules.number(0.0, 1.0)
_REGIME = {
    "regime": rules.choice(*REGIMES),
    "cutoff_degrees": _RIGHT_ANGLE,
    "band_degrees": rules.number(0.0),
    "soft": rules.boolean(),
}
_UNIFORMITY = {
    "weight": rules.number(0.0),
    "num_projections": rules.integer(1),
    "per_class": rules.boolean(),
}

_COMPUTED = {"weight": rules.number(0.0), **_REGIME}
_STEPS = rules.integer(0, 2**31 - 1)
_SCORE_MATCHING = {
    "network": {
        "width": rules.integer(1),
        "num_layers": rules.integer(1, rules.MOST_LAYERS),
        "num_heads": rules.integer(1),
        "qk_norm": rules.boolean(),
        "path_dropout": _SHARE,
        "width_margin": rules.integer(0),
        "shared_modulation": rules.boolean(),
    },
    "channel_floor": _SHARE,
    "calibration_calls": _STEPS,
    "balance_calls": _STEPS,
    "balance_decay": _SHARE,
    "normalizer": rules.choice(*TRANSPORT_NORMALIZERS),
    "largest_rms": rules.number(0.0, inclusive=False),
    "start_steps": _STEPS,
    "warmup_start_steps": _STEPS,
    "warmup_end_steps": _STEPS,
    "learning_rate": rules.number(0.0),
    "min_learning_rate": rules.number(0.0),
    "learning_rate_warmup": _STEPS,
    "learning_rate_decay": rules.optional(_STEPS),
    "clipnorm": rules.optional(rules.number(0.0, inclusive=False)),
    "augment": rules.boolean(),
}

_FRECHET_MATCHING = {
    "compares": rules.list_of(rules.choice(*FRECHET_COMPARED), len(FRECHET_COMPARED)),
    "start_steps": _STEPS,
    "decay": _SHARE,
    "epsilon": rules.number(0.0, inclusive=False),
    "pooling": rules.choice(*FRECHET_POOLINGS),
}

# By the motion of the architecture.
LOSSES = {
    "addition": {
        "pixel_reconstruction": _PIXEL_LOSS,
        "pixel_consistency": _PIXEL_LOSS,
        "latent_consistency": {"weight": rules.number(0.0)},
        "latent_uniformity": [_UNIFORMITY],
    },
    "rotation": {
        "pixel_reconstruction": {**_PIXEL_LOSS, **_REGIME},
        "latent_consistency": {"weight": rules.number(0.0), **_REGIME},
        "latent_uniformity": [_UNIFORMITY],
        "distribution": [
            {
                "weight": rules.number(0.0),
                "temperatures": rules.list_of(rules.number(0.0), 100),
                "pooling": rules.choice("flatten", "mean"),
                "per_class": rules.boolean(),
                **_REGIME,
            },
            _COMPUTED,
        ],
        "score_networks": [_COMPUTED],
        "frechet_latents": [_COMPUTED],
        "frechet_features": [_COMPUTED],
        "logits": [
            {
                "weight": rules.number(0.0),
                "distance": rules.choice(*LOGIT_DISTANCES),
                **_REGIME,
            }
        ],
    },
}
# All but the losses.
RECIPE = {
    "perceptual": rules.optional(rules.choice("gradient", *PERCEPTUAL_NETWORKS)),
    "cycle_encoder": rules.choice(*CYCLE_ENCODERS),
    "cycle_encoder_momentum": _SHARE,
    "distribution_features": rules.optional(rules.choice(*DISTRIBUTION_FEATURES)),
    "score_matching": [_SCORE_MATCHING],
    "frechet_matching": [_FRECHET_MATCHING],
    "classifier": rules.optional(rules.choice(*CLASSIFIERS)),
    "optimizer": [
        {
            "learning_rate": rules.number(0.0),
            "beta_1": _SHARE,
            "beta_2": _SHARE,
            "epsilon": rules.number(0.0),
            "weight_decay": rules.number(0.0),
            "encoder_learning_rate_factor": rules.number(0.0),
            "global_clipnorm": rules.optional(rules.number(0.0)),
            "use_ema": rules.boolean(),
            "ema_momentum": _SHARE,
        }
    ],
    "training": rules.plain_object(),
}
# What a recipe of an earlier format is.
FIRST_RECIPE = {
    "cycle_encoder": "live",
    "cycle_encoder_momentum": 0.99985,
    "distribution_features": "pixels",
    "score_matching": None,
    "classifier": None,
    "frechet_matching": None,
}
OPTIONAL_OF_ROTATION = (
    "distribution",
    "score_networks",
    "logits",
    "frechet_latents",
    "frechet_features",
)
