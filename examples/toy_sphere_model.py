"""The model of `toy_sphere.py`, which imports this once its flags are read."""

import keras_sphere
import toy_sphere_picture
from keras_sphere import geometry, losses, sampling

import keras
import numpy as np

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


def run(output_path, steps, max_angle_degrees, seed):
    """Trains, says how many samples are right, and draws; see `toy_sphere.py`."""
    keras.utils.set_random_seed(seed)
    generator = np.random.default_rng(seed)
    points = make_blobs(NUM_POINTS, generator)
    model = train(points, max_angle_degrees, steps, seed)
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
    for count in (1, SAMPLING_STEPS):
        share = toy_sphere_picture.share_on_data(samples[count - 1], points)
        print(f"{100 * share:.0f} % of the samples of {count} step(s) are on a blob")
    toy_sphere_picture.draw(model, points, samples, generator, output_path)
    print(f"Wrote {output_path}")
