"""The Sphere Encoder on points of the plane, with a sphere that can be drawn.

Three blobs in the plane take the place of images, and the ordinary sphere, of three
coordinates, that of the latent space. The networks are three dense layers; the
sphere, the noise, the losses, the optimizer and the sampling loop are the package's.

    KERAS_BACKEND=jax python examples/toy_sphere.py --output_path=toy_sphere.png

Time: under a minute on one CPU core.

The picture has eight panels, in the order of the method; its captions explain them.
With the settings below 89 % of the samples of one step lie on a blob, and 96 % of
those of four steps; the tails of the blobs are lost. In the many dimensions of images
one thing differs: noise is nearly at right angles to the latent, so that noise of one
strength makes a ring around it and not a filled patch.
"""

import keras_sphere
import toy_sphere_picture
from keras_sphere import geometry, losses, sampling

import keras
import numpy as np
from absl import app, flags

OUTPUT_PATH = flags.DEFINE_string("output_path", "toy_sphere.png", "The picture.")
STEPS = flags.DEFINE_integer("steps", 1600, "Training steps.")
MAX_ANGLE = flags.DEFINE_float("max_angle_degrees", 40.0, "Largest noise angle.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of data, weights and noise.")

NUM_POINTS = 2048
NUM_SAMPLES = 1200
BATCH_SIZE = 128
SAMPLING_STEPS = 4
_DIRECTIONS = np.pi * np.arange(6) / 6.0
_CIRCLE = np.stack([np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)]).astype("float32")
WAVE_VECTORS = np.concatenate([2.0 * _CIRCLE, 4.0 * _CIRCLE], axis=1)


def make_blobs(num_points, generator):
    """Points around the corners of a triangle, float32 of shape `(points, 2)`."""
    corners = 2.0 * np.pi * (generator.integers(0, 3, num_points) / 3.0 + 0.25)
    centers = np.stack([np.cos(corners), np.sin(corners)], axis=1)
    return (centers + 0.18 * generator.normal(size=centers.shape)).astype("float32")


def dense_network(input_dim, output_dim, name):
    """Three hidden layers."""
    hidden = [keras.layers.Dense(48, activation="silu") for _ in range(3)]
    output = keras.layers.Dense(output_dim)
    return keras.Sequential([keras.Input((input_dim,)), *hidden, output], name=name)


class ToySphereEncoder(keras.Model):
    """`SphereEncoderModel` without images: points in, points out.

    Args:
        max_angle_degrees: Float in (0, 90). Largest noise angle.
        seed: Integer. Seed of the noise of training.
    """

    def __init__(self, max_angle_degrees, seed):
        super().__init__()
        self.encoder = dense_network(2, 3, "encoder")
        self.decoder = dense_network(3, 2, "decoder")
        self.noise_schedule = keras_sphere.NoiseSchedule(
            max_angle_degrees, hard_case_probability=0.0
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def encode(self, points):
        """Points of the plane to points of the sphere."""
        return geometry.spherify(self.encoder(points))

    def call(self, points):
        latents = self.encoder(points)
        sphere_latents = geometry.spherify(latents)
        draws = self.noise_schedule.draw(sphere_latents, self.seed_generator)
        noisy, slightly_noisy = (
            geometry.perturb(sphere_latents, draws["noise"], sigma)
            for sigma in self.noise_schedule.sigmas(draws)
        )
        noisy_reconstruction = self.decoder(noisy)
        return {
            "latents": latents,
            "reconstruction": self.decoder(slightly_noisy),
            "noisy_reconstruction": noisy_reconstruction,
            "cycled_latents": self.encoder(noisy_reconstruction),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        fixed = keras.ops.stop_gradient
        targets = {
            "pixel_reconstruction": _as_images(x),
            "pixel_consistency": _as_images(fixed(y_pred["reconstruction"])),
            "latent_consistency": fixed(y_pred["latents"]),
        }
        predictions = {
            "pixel_reconstruction": _as_images(y_pred["reconstruction"]),
            "pixel_consistency": _as_images(y_pred["noisy_reconstruction"]),
            "latent_consistency": y_pred["cycled_latents"],
        }
        return super().compute_loss(x, targets, predictions, training=training)


def _as_images(points):
    """What `PixelLoss` compares: points, and plane waves for perceptual features.

    The squared distance alone makes the decoder average where clouds overlap; that
    of waves is bounded, so that it decides for one side, as with images.
    """
    waves = keras.ops.matmul(points, WAVE_VECTORS)
    features = [keras.ops.sin(waves), keras.ops.cos(waves)]
    return {"images": points, "features": features}


def train(points, max_angle_degrees, steps, seed):
    """Trains a toy model; returns it."""
    model = ToySphereEncoder(max_angle_degrees, seed)
    distance = {"distance": "l2", "distance_weight": 0.2, "perceptual_weight": 0.5}
    model.compile(
        optimizer=keras_sphere.SphereAdamW(
            keras_sphere.WarmupCosine(6e-3, 6e-5, steps // 20, steps),
            encoder_learning_rate_factor=0.3,
        ),
        loss={
            "pixel_reconstruction": losses.PixelLoss(**distance, feature_distance="l2"),
            "pixel_consistency": losses.PixelLoss(**distance, feature_distance="l2"),
            "latent_consistency": losses.LatentCosineDistance(),
        },
        loss_weights={
            "pixel_reconstruction": 1.0,
            "pixel_consistency": 1.0,
            "latent_consistency": 0.1,
        },
    )
    steps_per_epoch = NUM_POINTS // BATCH_SIZE
    model.fit(
        np.tile(points, (-(-steps // steps_per_epoch), 1))[: steps * BATCH_SIZE],
        batch_size=BATCH_SIZE,
        verbose=2,
    )
    return model


def main(_):
    keras.utils.set_random_seed(SEED.value)
    generator = np.random.default_rng(SEED.value)
    points = make_blobs(NUM_POINTS, generator)
    model = train(points, MAX_ANGLE.value, STEPS.value, SEED.value)
    start, added = generator.normal(size=(2, NUM_SAMPLES, 3)).astype("float32")
    samples = sampling.sample(
        model.encode,
        model.decoder,
        noise=start,
        step_noise=[added],
        strengths=[1.0] * (SAMPLING_STEPS - 1),
        sigma=model.noise_schedule.sigma,
    )
    samples = [keras.ops.convert_to_numpy(batch) for batch in samples]
    for steps in (1, SAMPLING_STEPS):
        share = toy_sphere_picture.share_on_data(samples[steps - 1], points)
        print(f"{100 * share:.0f} % of the samples of {steps} step(s) are on a blob")
    toy_sphere_picture.draw(model, points, samples, generator, OUTPUT_PATH.value)
    print(f"Wrote {OUTPUT_PATH.value}")


if __name__ == "__main__":
    app.run(main)
