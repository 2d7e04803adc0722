"""The sampling loop of a backbone inside a program: one function per method."""

import keras

from keras_sphere import sampling


def addition_loop(backbone, num_kept, guided, labels, guidance, inputs):
    """The paper's loop: guidance is a difference of outputs; see `sampling.guide`.

    Args:
        backbone: `SphereEncoderBackbone`.
        num_kept: Integer. See `sampling.sample_in_program`.
        guided: Tuple of booleans: whether encoder and decoder are guided.
        labels: Labels or class weights, or `None`.
        guidance: Tensor of the weights of guidance.
        inputs: Dict of tensors: `noise`, `images`, `step_noise`, `strengths`, `told`,
            `steps`, `from_noise`, and `null_step_noise`, which is not read.

    Returns:
        See `sampling.sample_in_program`.
    """
    guide_encoder, guide_decoder = guided

    def encode(images):
        weight = guidance[0] if guide_encoder else None
        return guided_encode(backbone, images, labels, weight)

    def decode(t, points):
        weight = guidance[1] if guide_decoder else None
        return guided_decode(backbone, points, labels, weight)

    return _run(backbone, num_kept, encode, decode, inputs)


def guided_encode(backbone, images, labels, weight=None):
    """Images to points of the sphere, guided unless `weight` is `None`."""
    return backbone.spherify(_guided(backbone, backbone.encode, images, labels, weight))


def guided_decode(backbone, points, labels, weight=None):
    """Points of the sphere to images, guided unless `weight` is `None`."""
    if weight is None:
        return backbone.decode(points, labels)
    images = _guided(backbone, backbone.decode, points, labels, weight)
    return keras.ops.clip(images, -1.0, 1.0)


def rotation_loop(backbone, num_kept, guided, labels, guidance, inputs):
    """The loop of Sphere Encoder 2: images stay unbounded, guidance is a rotation.

    Arguments and result are those of `addition_loop`.
    """
    if any(guided):
        images = _two_streams(backbone, num_kept, labels, guidance[0], inputs)
        return keras.ops.clip(images, -1.0, 1.0)

    def encode(images):
        return backbone.spherify(backbone.encode(images))

    def decode(t, points):
        told = keras.ops.take(inputs["told"], t)
        return backbone.decode(points, labels, angles=told)

    images = _run(backbone, num_kept, encode, decode, inputs)
    return keras.ops.clip(images, -1.0, 1.0)


LOOPS = {"addition": addition_loop, "rotation": rotation_loop}


def _run(backbone, num_kept, encode, decode, inputs):
    noise, strengths = inputs["noise"], inputs["strengths"]

    def advance(t, images):
        if backbone.encoder is None:  # a single step, which is never here
            return keras.ops.zeros_like(noise)
        added = sampling.draw_of_move(inputs["step_noise"], t, inputs["from_noise"])
        moved = backbone.perturb(encode(images), added, keras.ops.take(strengths, t))
        return keras.ops.cast(moved, noise.dtype)

    return sampling.sample_in_program(
        lambda: backbone.spherify(noise),
        advance,
        decode,
        inputs["images"],
        inputs["steps"],
        inputs["from_noise"],
        num_kept,
    )


def _two_streams(backbone, num_kept, labels, radians, inputs):
    """`rotation_loop` with guidance: images with class, then images without, one batch.

    The stream without class only says where to turn away from, so its last image is not
    decoded.
    """
    ops = keras.ops
    noise, images, steps = inputs["noise"], inputs["images"], inputs["steps"]
    num_rows, null_labels = images.shape[0], null_like(backbone, labels)
    told = inputs["told"]

    def first():
        points = backbone.spherify(noise)
        return ops.concatenate([points, points], axis=0)

    def advance(t, both):
        both = backbone.spherify(backbone.encode(both))
        return ops.cast(move_streams(backbone, both, radians, t, inputs), noise.dtype)

    def decode(t, points):
        angle = ops.take(told, t)
        points, null_points = ops.split(points, 2, axis=0)
        decoded = ops.cast(backbone.decode(points, labels, angles=angle), images.dtype)
        null_decoded = ops.cond(
            t == steps - 1,
            lambda: ops.zeros_like(images),
            lambda: ops.reshape(
                ops.cast(
                    backbone.decode(null_points, null_labels, angles=angle),
                    images.dtype,
                ),
                ops.shape(images),
            ),
        )
        return ops.concatenate([decoded, null_decoded], axis=0)

    both = sampling.sample_in_program(
        first,
        advance,
        decode,
        ops.concatenate([images, images], axis=0),
        steps,
        inputs["from_noise"],
        num_kept,
    )
    return both[:, :num_rows] if num_kept else both[:num_rows]


def move_streams(backbone, both, radians, t, inputs):
    """Moves both streams of a guided rotation: those with class away from the others.

    Args:
        backbone: `SphereEncoderBackbone`.
        both: Points of the stream with class, then as many of the one without.
        radians: Scalar tensor. The angle of guidance.
        t: Integer scalar. The step that decodes them.
        inputs: Dict of tensors; see `addition_loop`.

    Returns:
        Points of the same shape.
    """
    points, null_points = keras.ops.split(both, 2, axis=0)
    turned = backbone.motion.turn_away(points, null_points, radians)
    moved = [
        backbone.perturb(
            start,
            sampling.draw_of_move(inputs[name], t, inputs["from_noise"]),
            keras.ops.take(inputs["strengths"], t),
        )
        for start, name in (
            (backbone.spherify(turned), "step_noise"),
            (null_points, "null_step_noise"),
        )
    ]
    return keras.ops.concatenate(moved, axis=0)


def _guided(backbone, network, inputs, labels, weight):
    if weight is None:
        return network(inputs, labels)
    return sampling.guide(network, inputs, labels, null_like(backbone, labels), weight)


def null_like(backbone, labels):
    """The null class, in the form that `labels` have: integers or class weights."""
    null = backbone.num_classes
    if len(labels.shape) == 1:
        return keras.ops.full_like(labels, null)
    is_null = keras.ops.arange(null + 1) == null
    return keras.ops.zeros_like(labels) + keras.ops.cast(is_null, labels.dtype)
