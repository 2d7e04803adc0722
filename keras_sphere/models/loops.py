"""The sampling loop of a backbone inside a program: the steps of each method.

Each class has the same methods, of one step each:

- `first(noise)`: the points that a loop from noise decodes first,
- `encode(images)`: the images of the step before as points,
- `move(points, draws, strength)`: these, moved by noise, as points to decode,
- `decode(points, told, is_last)`: points to images.

`draws` is a pair of noises, of which the second one turns images without class, `told`
the angle that the decoder is told, and `is_last` a boolean, of Python or a tensor.
`streams` is how many images stand for one: where there are two, `first` gives both.
The loop of a refiner has no `encode`; see `models.refined_loops`.
"""

import keras

from keras_sphere import sampling


class AdditionSteps:
    """The paper's loop: guidance is a difference of outputs; see `sampling.guide`.

    Args:
        backbone: `SphereEncoderBackbone`.
        guided: Tuple of booleans: whether encoder and decoder are guided.
        labels: Labels or class weights, or `None`.
        guidance: Tensor, or list of floats, of the weights of guidance.
        null_labels: What guidance leads away from, like `labels`; `None` for null.
    """

    streams = 1

    def __init__(self, backbone, guided, labels, guidance, null_labels=None):
        self.backbone, self.labels = backbone, labels
        self.null_labels = null_labels
        if null_labels is None and labels is not None:
            self.null_labels = null_like(backbone, labels)
        self._weights = [
            guidance[i] if is_guided else None for i, is_guided in enumerate(guided)
        ]

    def first(self, noise):
        return self.backbone.spherify(noise)

    def encode(self, images):
        encoded = self._guided(self.backbone.encode, images, self._weights[0])
        return self.backbone.spherify(encoded)

    def move(self, points, draws, strength):
        return self.backbone.perturb(points, draws[0], strength)

    def decode(self, points, told, is_last):
        images = self._guided(self.backbone.decode, points, self._weights[1])
        if self._weights[1] is None:
            return images
        return keras.ops.clip(images, -1.0, 1.0)

    def _guided(self, network, inputs, weight):
        if weight is None:
            return network(inputs, self.labels)
        return sampling.guide(network, inputs, self.labels, self.null_labels, weight)


class RotationSteps:
    """The loop of Sphere Encoder 2: images stay unbounded between the steps.

    Arguments are those of `AdditionSteps`.
    """

    streams = 1

    def __init__(self, backbone, guided, labels, guidance, null_labels=None):
        self.backbone, self.labels = backbone, labels
        self.null_labels = null_labels
        if null_labels is None and labels is not None:
            self.null_labels = null_like(backbone, labels)
        self.radians = guidance[0]

    def first(self, noise):
        return self.backbone.spherify(noise)

    def encode(self, images):
        return self.backbone.spherify(self.backbone.encode(images))

    def move(self, points, draws, strength):
        return self.backbone.perturb(points, draws[0], strength)

    def decode(self, points, told, is_last):
        return self.backbone.decode(points, self.labels, angles=told)


class GuidedRotationSteps(RotationSteps):
    """`RotationSteps` with guidance: images with class, then images without, one batch.

    The stream without class only says where to turn away from, so its last image is not
    decoded.
    """

    streams = 2

    def first(self, noise):
        points = self.backbone.spherify(noise)
        return sampling.joined(points, points)

    def move(self, points, draws, strength):
        backbone = self.backbone
        points, null_points = sampling.halves(points)
        turned = backbone.motion.turn_away(points, null_points, self.radians)
        starts = (backbone.spherify(turned), null_points)
        moved = [
            backbone.perturb(start, draw, strength)
            for start, draw in zip(starts, draws, strict=True)
        ]
        return sampling.joined(*moved)

    def decode(self, points, told, is_last):
        points, null_points = sampling.halves(points)
        images = self.backbone.decode(points, self.labels, angles=told)

        def decode_null():
            decoded = self.backbone.decode(null_points, self.null_labels, angles=told)
            return keras.ops.reshape(decoded, keras.ops.shape(images))

        null_images = _either(
            is_last, lambda: keras.ops.zeros_like(images), decode_null
        )
        return sampling.joined(images, null_images)


def new_steps(backbone, guided, labels, guidance, null_labels=None):
    """The steps of a backbone's method; see `AdditionSteps`."""
    if backbone.architecture["motion"] == "addition":
        steps = AdditionSteps
    else:
        steps = GuidedRotationSteps if any(guided) else RotationSteps
    return steps(backbone, guided, labels, guidance, null_labels)


def run_loop(backbone, num_kept, guided, labels, guidance, inputs):
    """The sampling loop, for every number of steps.

    Args:
        backbone: `SphereEncoderBackbone`.
        num_kept: Integer. See `sampling.sample_in_program`.
        guided: See `AdditionSteps`, as for the next two.
        labels: Likewise.
        guidance: Likewise.
        inputs: Dict of tensors: `noise`, `images`, `step_noise`, `strengths`, `told`,
            `steps`, `from_noise`, `null_step_noise`, which only guided rotation
            reads, and `null_labels`, which may be missing.

    Returns:
        See `sampling.sample_in_program`; images in [-1, 1].
    """
    ops, null_labels = keras.ops, inputs.get("null_labels")
    steps = new_steps(backbone, guided, labels, guidance, null_labels)
    noise, images = inputs["noise"], inputs["images"]
    num_rows, num_steps = images.shape[0], inputs["steps"]

    def advance(t, images):
        if backbone.encoder is None:  # a single step, which is never here
            return ops.zeros_like(noise)
        moved = steps.move(steps.encode(images), *moves_of(steps, t, inputs))
        return ops.cast(moved, noise.dtype)

    def decode(t, points):
        is_last = t == num_steps - 1
        return steps.decode(points, ops.take(inputs["told"], t), is_last)

    found = sampling.sample_in_program(
        lambda: steps.first(noise),
        advance,
        decode,
        ops.concatenate([images] * steps.streams, axis=0),
        num_steps,
        inputs["from_noise"],
        num_kept,
    )
    if steps.streams > 1:
        found = found[:, :num_rows] if num_kept else found[:num_rows]
    return ops.clip(found, -1.0, 1.0)


def moves_of(steps, t, inputs):
    """The draws and the strength of a step's move; see `run_loop`.

    Args:
        steps: What `new_steps` returned.
        t: Integer scalar. The step that decodes the moved points, from 0.
        inputs: Dict of tensors.
    """
    names = ("step_noise", "null_step_noise")[: steps.streams]
    draws = [
        sampling.draw_of_move(inputs[name], t, inputs["from_noise"]) for name in names
    ]
    return draws, keras.ops.take(inputs["strengths"], t)


def _either(condition, first, second):
    """`ops.cond`, decided at once where the condition is one of Python's booleans."""
    if isinstance(condition, bool):
        return first() if condition else second()
    return keras.ops.cond(condition, first, second)


def null_like(backbone, labels):
    """What stands for no condition, in the form of `labels`: integers or rows."""
    if len(labels.shape) == 1:
        return keras.ops.full_like(labels, backbone.num_classes)
    null = keras.ops.cast(backbone.condition_rows.null(), labels.dtype)
    return keras.ops.zeros_like(labels) + null
