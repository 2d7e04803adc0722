"""How noise moves a latent, and on which sphere: one class per method."""

import dataclasses

from keras_sphere import geometry, rotation


@dataclasses.dataclass(frozen=True)
class Sphere:
    """The sphere that the latents of a model lie on.

    Args:
        per_token: Boolean. Whether every token has a sphere of its own.
        epsilon: Float. See `geometry.spherify`.
    """

    per_token: bool = False
    epsilon: float = geometry.EPSILON

    def project(self, latents):
        """The map f: latents of shape `(batch, ...)` to points of the sphere."""
        return geometry.spherify(latents, self.per_token, self.epsilon)


class Addition(Sphere):
    """The paper's noise: `f(z + sigma e)`, see `geometry.perturb`."""

    def move(self, points, noise, strength):
        """Moves points of the sphere by standard normal noise of a strength sigma."""
        return geometry.perturb(points, noise, strength, self.per_token, self.epsilon)


class Rotation(Sphere):
    """The noise of Sphere Encoder 2: a turn towards f(e), see `rotation.rotate`."""

    def move(self, points, noise, strength):
        """Turns points of the sphere towards noise by an angle, in radians."""
        return rotation.rotate(points, self.project(noise), strength)

    def turn_away(self, points, reference, radians):
        """Guidance; see `rotation.rotate_away`."""
        return rotation.rotate_away(
            points, reference, radians, self.per_token, self.epsilon
        )


MOTIONS = {"addition": Addition, "rotation": Rotation}
