"""The sampling loop as one graph: the pieces of a step, written by the backend once.

An exporter takes long for every operation, so that the steps are put together from
their pieces afterwards. The weights stand in the graph once.
"""

import numpy as np

from keras_sphere import sampling
from keras_sphere.backend.onnx_graphs import onnx_graph
from keras_sphere.export.graphs import new_model, onnx_copy, onnx_module, tidy
from keras_sphere.export.parts import (
    CONDITION_INPUTS,
    Network,
    Part,
    image_shape,
    joined,
    label_input,
)
from keras_sphere.models.generation import generate_images
from keras_sphere.models.inference import current_weights
from keras_sphere.models.loops import new_steps


def sample_graph(model, options, opset):
    """The graph of the part "sample"; see `parts.sample_part`.

    Args:
        model: `SphereEncoderModel` in float32.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        opset: Integer.

    Returns:
        `onnx.ModelProto`, not yet tidy.
    """
    graphs = {}
    for part in _pieces(model, options):
        weights = current_weights(model, options.use_ema)
        network = Network(model.backbone, weights, part)
        graphs[part.name] = onnx_graph(network, network.weights, part.inputs, opset)
        tidy(graphs[part.name], part.inputs, part.outputs)
    plan, chain = _plan(model, options), _Chain(graphs)
    streams = _streams(model, options)
    moved, told = [chain.add("first", noise="noise")] * streams, plan.told[0]
    told = chain.constant(told)
    for share in _shares(plan)[1:]:
        images = chain.add("decode", **_numbered("points", moved), told=told)
        told = strength = chain.scaled_sigma(share)
        moved = chain.add(
            "advance",
            **_numbered("images", chain.split(images, streams)),
            noise="noise",
            strength=strength,
        )
        moved = chain.split(moved, streams)
    images = chain.add("decode_last", **_numbered("points", moved), told=told)
    return chain.model(images, opset)


def sample(model, options, inputs):
    """What the graph is compared with: `model.generate`, one noise for all steps.

    Args:
        model: `SphereEncoderModel`.
        options: `SamplingOptions` or `RotationSamplingOptions`.
        inputs: Dict of arrays by name; `sigma` must be that of the model.

    Returns:
        List of one array.
    """
    noise = inputs["noise"]
    images = generate_images(
        model,
        len(noise),
        joined(inputs),
        noise=noise,
        step_noise=noise[None],
        **options.to_dict(),
    )
    return [images]


def default_sigma(model, options):
    """`sigma` as the model itself takes it; 0 for a single step."""
    return float(max(_plan(model, options).strengths))


def _plan(model, options):
    return options.plan(True, model.noise_schedule.max_angle_degrees)


def _shares(plan):
    """What each step takes of `sigma`."""
    strengths = np.asarray(plan.strengths)
    full = strengths.max()
    return strengths / full if full > 0 else np.ones_like(strengths)


def _guided(model, options):
    return tuple(weight is not None for weight in _plan(model, options).guidance)


def _streams(model, options):
    guided, guidance = _guided(model, options), _plan(model, options).guidance
    return new_steps(model.backbone, guided, None, guidance).streams


def _numbered(name, values):
    """Dict of one entry per stream: batches of one graph are all of one size."""
    return {f"{name}_{number}": value for number, value in enumerate(values)}


def _pieces(model, options):
    """The parts that the loop is made of; those of a single step are two."""
    backbone, guidance = model.backbone, _plan(model, options).guidance
    guided, streams = _guided(model, options), _streams(model, options)
    latents, images = (None, *backbone.latent_shape), image_shape(backbone)
    labels = label_input(backbone.condition_rows)
    told = {"told": ()} if backbone.tells_angle else {}

    def steps(backbone, inputs):
        return new_steps(backbone, guided, joined(inputs), guidance)

    def join(inputs, streamed):
        tensors = [inputs[name] for name in streamed]
        return tensors[0] if streams == 1 else sampling.joined(*tensors)

    def first(backbone, noise):
        return backbone.spherify(noise)

    def advance(backbone, noise, strength, **inputs):
        noises = [noise, noise]
        own = steps(backbone, inputs)
        return own.move(own.encode(join(inputs, pictures)), noises, strength)

    def decode(backbone, told=None, **inputs):
        own = steps(backbone, inputs)
        return own.decode(join(inputs, points), told, False)

    def decode_last(backbone, told=None, **inputs):
        own = steps(backbone, inputs)
        decoded = own.decode(join(inputs, points), told, True)
        return decoded if streams == 1 else sampling.halves(decoded)[0]

    points = _numbered("points", [latents] * streams)
    decoded_from = {**points, **labels, **told}
    pictures = _numbered("images", [images] * streams)
    moving = {**pictures, "noise": latents, **labels, "strength": ()}
    pieces = [
        Part("first", {"noise": latents}, {"points": latents}, first),
        Part("decode_last", decoded_from, {"images": images}, decode_last),
    ]
    if options.steps > 1:
        pieces += [
            Part("advance", moving, {"points": latents}, advance),
            Part("decode", decoded_from, {"images": images}, decode),
        ]
    return pieces


class _Chain:
    """Graphs put behind each other.

    Args:
        graphs: Dict of `onnx.ModelProto` as `graphs.tidy` leaves them, by name.
    """

    def __init__(self, graphs):
        self._graphs, self._nodes, self._tensors = graphs, [], []
        self._count = 0
        for name, model in graphs.items():
            for tensor in map(onnx_copy, model.graph.initializer):
                tensor.name = f"{name}/{tensor.name}"
                self._tensors.append(tensor)

    def add(self, name, **inputs):
        """Adds a graph; returns the name of its output.

        Args:
            name: String. Which one.
            **inputs: Name of a value for each of its inputs, those of the condition
                aside; those that it does not have are left out.
        """
        graph = self._graphs[name].graph
        names = {name: name for name in ("", *CONDITION_INPUTS)} | inputs
        names.update({t.name: f"{name}/{t.name}" for t in graph.initializer})
        for node in map(onnx_copy, graph.node):
            for output in node.output:
                names[output] = self._new_name()
            node.input[:] = [names[value] for value in node.input]
            node.output[:] = [names[value] for value in node.output]
            self._nodes.append(node)
        return names[graph.output[0].name]

    def split(self, value, count):
        """The names of so many equal parts of a batch."""
        if count == 1:
            return [value]
        names = [self._new_name() for _ in range(count)]
        node = onnx_module("onnx.helper").make_node(
            "Split", [value], names, axis=0, num_outputs=count
        )
        self._nodes.append(node)
        return names

    def constant(self, number):
        """The name of a number."""
        name = self._new_name()
        array = np.asarray(number, "float32")
        self._tensors.append(onnx_module("onnx.numpy_helper").from_array(array, name))
        return name

    def scaled_sigma(self, share):
        """The name of a share of the input `sigma`."""
        if share == 1.0:
            return "sigma"
        name = self._new_name()
        node = onnx_module("onnx.helper").make_node(
            "Mul", ["sigma", self.constant(share)], [name]
        )
        self._nodes.append(node)
        return name

    def model(self, images, opset):
        """The whole, whose images are clipped to [-1, 1]."""
        bounds = [self.constant(-1.0), self.constant(1.0)]
        helper, output = onnx_module("onnx.helper"), self._new_name()
        self._nodes.append(helper.make_node("Clip", [images, *bounds], [output]))
        return new_model(self._nodes, output, self._tensors, opset)

    def _new_name(self):
        self._count += 1
        return f"link_{self._count}"
