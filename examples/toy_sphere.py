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

from absl import app, flags

flags.DEFINE_string("output_path", "toy_sphere.png", "The picture.")
flags.DEFINE_integer("steps", 1600, "Training steps.")
flags.DEFINE_float("max_angle_degrees", 40.0, "Largest noise angle.")
flags.DEFINE_integer("seed", 0, "Seed of data, weights and noise.")


def main(_):
    import toy_sphere_model  # not before the flags are read: it imports Keras

    options = flags.FLAGS
    toy_sphere_model.run(
        options.output_path, options.steps, options.max_angle_degrees, options.seed
    )


if __name__ == "__main__":
    app.run(main)
