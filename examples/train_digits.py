"""Trains a Sphere Encoder on 16x16 handwritten digits, and measures what it makes.

Data: scikit-learn's 1,797 scanned digits, 1,500 for training and 297 for test,
mostly by other writers. Nothing is downloaded.

    pip install "keras-sphere[jax,data]"
    KERAS_BACKEND=jax python examples/train_digits.py --output_dir=runs/digits

Hardware: 2 CPU cores, no accelerator. Time: about 6 minutes on JAX, compilation and
measuring included. Score with the settings below (`digits_quality.py` says what is
measured), means of three seeds on JAX:

                              class %  Frechet (test)  precision  recall  nearest
    1 step                       95.3            7.43       0.83    0.19     1.06
    4 steps                      98.9            4.45       0.72    0.66     1.04
    500 real training images        -            4.04       0.71    0.77        -
    PSNR of reconstructed test images: 25.6 to 26.1 dB, with label 26.0 to 27.0 dB

docs/diversity.md says where the settings come from. Not verified with them: TensorFlow
and PyTorch, beyond the two epochs of the tests.

Into `output_dir` go `model.keras`, `metrics.json`, and the pictures `samples.png`,
`reconstructions.png`, `interpolation.png`, `sphere.png` and `losses.png`.
"""

import sys

from absl import app, flags

flags.DEFINE_enum("method", "1", ["1", "2"], "The Sphere Encoder, or Sphere Encoder 2.")
flags.DEFINE_string("output_dir", "runs/digits", "Folder to write to.")
flags.DEFINE_integer("seed", 0, "Seed of weights, order and noise.")
flags.DEFINE_integer("epochs", 100, "Passes over the training images.")
flags.DEFINE_integer("batch_size", 50, "Images per step.")
flags.DEFINE_float("learning_rate", 2e-3, "Decoder's, after warm-up.")
flags.DEFINE_float("final_learning_rate", 1e-5, "At the end.")
flags.DEFINE_float(
    "encoder_learning_rate_factor", 0.5, "Encoder's learning rate by the decoder's."
)
flags.DEFINE_float("warmup_epochs", 3.0, "Linear warm-up.")
flags.DEFINE_float("ema_momentum", 0.999, "Of averaged weights.")
flags.DEFINE_boolean("use_ema", False, "Generate with averaged weights.")
flags.DEFINE_float("max_angle_degrees", 75.0, "Largest noise angle.")
flags.DEFINE_float("hard_case_probability", 0.1, "Share of hard cases.")
flags.DEFINE_enum(
    "hard_case_band", "narrow", ["narrow", "full"], "Which angles hard cases have."
)
flags.DEFINE_enum(
    "perceptual", "gradient", ["gradient", "none"], "Distance beside that of pixels."
)
flags.DEFINE_float(
    "pixel_consistency_weight", 1.0, "Weight of the pixel consistency loss."
)
flags.DEFINE_float(
    "latent_consistency_weight",
    None,
    "Weight of the latent consistency loss: 1, or 0.1 by method 2.",
)
flags.DEFINE_float(
    "latent_uniformity_weight",
    None,
    "Weight of the latent uniformity loss: 0.3, or 0 by method 2.",
)
flags.DEFINE_boolean(
    "uniform_per_class", False, "Whether the latents of each class are spread alone."
)
flags.DEFINE_enum(
    "schedule", "decay", ["fixed", "decay"], "Noise strength over generation's steps."
)
flags.DEFINE_float("guidance_scale", 1.0, "Stress on the class.")
flags.DEFINE_float(
    "cutoff_degrees", 70.0, "Method 2: up to where images are compared with their own."
)
flags.DEFINE_float(
    "distribution_weight", 0.1, "Method 2: of the drifting loss; 0: none."
)
flags.DEFINE_enum(
    "distribution_features",
    "pixels",
    ["pixels", "features"],
    "Method 2: what it compares; features are those of --perceptual.",
)
flags.DEFINE_float(
    "sampling_angle_degrees", 85.0, "Method 2: what the decoder is told in generation."
)
flags.DEFINE_float("guidance_degrees", 0.0, "Method 2: stress on the class, an angle.")
flags.DEFINE_integer("patch_size", 4, "Side of a patch in pixels.")
flags.DEFINE_integer("token_channels", 8, "Channels of a latent token.")
flags.DEFINE_integer("hidden_dim", 64, "Width of both transformers.")
flags.DEFINE_integer("num_layers", 3, "Blocks of each transformer.")
flags.DEFINE_integer("num_heads", 4, "Attention heads.")
flags.DEFINE_integer("mixer_depth", 0, "MLP-Mixer blocks on each side.")
flags.DEFINE_boolean("measure", True, "Measure the quality at the end.")
flags.DEFINE_enum(
    "verbose",
    "auto",
    ["auto", "0", "1", "2"],
    "0: silent, 1: progress bar, 2: a line per epoch; auto: 1 on a terminal, else 2.",
)


def main(_):
    import digits_training  # not before the flags are read: it imports Keras

    own_flags = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
    digits_training.run(flags.FLAGS, {flag.name: flag.value for flag in own_flags})


if __name__ == "__main__":
    app.run(main)
