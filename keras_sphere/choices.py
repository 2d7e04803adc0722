"""What named options may be: texts that files, flags and arguments choose from."""

GUIDANCE_POSITIONS = ("encoder", "decoder", "both")
SCHEDULES = ("fixed", "decay")
MOTIONS = ("addition", "rotation")  # of a latent by noise: one per method
ANGLE_CONDITIONS = ("adaln", "token", "both")
PRETRAINED_ENCODERS = ("dinov3_vits16plus",)
PIXEL_HEADS = ("linear", "conv", "patch")
PIXEL_ACTIVATIONS = ("tanh", "linear", "training_tanh")
DISTANCES = ("l1", "l2", "l1+l2", "absolute")
# Networks of the perceptual loss that have pretrained weights.
PERCEPTUAL_NETWORKS = (
    "lpips",
    "convnext",
    "lpips_convnext",
    "keras_applications",
    "efficientnet_lite2",
)
CLASSIFIERS = ("convnext", "efficientnet_lite2")  # whose logits can be compared
LOGIT_DISTANCES = ("cosine", "l2")
FRECHET_COMPARED = ("latents", "features")
FRECHET_POOLINGS = ("mean", "tokens")
PATTERNS = ("horizontal", "vertical", "diagonal", "antidiagonal")
# As torch-fidelity and the original Inception do, and as pytorch-fid does.
RESIZINGS = ("tensorflow1", "half_pixel")
SIZE_NAMES = ("small", "base", "large", "xlarge", "huge", "giant")  # of the paper
DISTRIBUTION_MODES = ("none", "data_parallel", "model_parallel")
# What encodes decoded images for latent consistency.
CYCLE_ENCODERS = ("live", "frozen", "averaged")
FEATURE_NETWORKS = ("convnextv2_nano",)  # of losses of distributions alone
DISTRIBUTION_FEATURES = ("pixels", "features", *FEATURE_NETWORKS)
TRANSPORT_NORMALIZERS = ("sample", "batch")  # over what a transport is scaled
REGIMES = ("low", "high", "all")  # of the angles that a loss counts
