"""Exported files as a generator: what an evaluation needs of a model."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_sphere import sampling
from keras_sphere.condition_rows import ConditionRows
from keras_sphere.embedders.embedding import known_embedder
from keras_sphere.export.checks import find_files
from keras_sphere.export.metadata import open_file
from keras_sphere.export.parts import separated
from keras_sphere.loop_plan import START
from keras_sphere.models.architecture import new_motion
from keras_sphere.models.conditions import Conditions, class_weights, read_labels
from keras_sphere.models.generation_inputs import (
    count_images,
    read_images,
    read_latents,
    read_seed,
    read_step_noise,
)
from keras_sphere.models.loops import new_steps, null_like
from keras_sphere.models.methods import METHODS
from keras_sphere.models.refiner_checks import check_options, condition_input
from keras_sphere.models.sampling_run import sampling_options
from keras_sphere.typing import Array, ArrayLike, Labels, PathLike
from keras_sphere.validation import if_given, read_boolean

BATCH_SIZE = 64


def load_onnx(folder: PathLike) -> OnnxModel:
    """Reads what `export_onnx` wrote.

    Args:
        folder: String or path, with `decoder.onnx` and, for more than one step and for
            reconstructions, `encoder.onnx`; `refiner.onnx` in place of the encoder
            makes several steps.

    Returns:
        `OnnxModel`.

    Raises:
        FileNotFoundError: If there is no decoder.
        ValueError: If a file is none of this package, or the refiner is of another
            model than the decoder.
        ImportError: If `onnxruntime` is not installed.
    """
    return OnnxModel(find_files(folder))


class OnnxModel(Conditions):
    """Generates and reconstructs by files, as `SphereEncoderModel` does.

    Args:
        files: Dict of part -> path.

    Attributes:
        weights_name: String. The type of the weights, and a checksum of the decoder.
        name_in_tables: String.
    """

    def __init__(self, files: Mapping[str, pathlib.Path]) -> None:
        decoder = _File(files["decoder"])
        encoder = _File(files["encoder"]) if "encoder" in files else None
        known = decoder.metadata
        self.backbone = _Networks(known["config"]["architecture"], decoder, encoder)
        method = METHODS[self.backbone.architecture["motion"]]
        self.noise_schedule = method.new_schedule(**known["config"]["noise"])
        self.sampling = method.sampling(**known["sampling"]).override(use_ema=False)
        self.refiner = None
        if "refiner" in files:
            self.refiner = _Refiner(_File(files["refiner"]), known.get("teacher"))
        self.weights_name = f"{known['weights']} {decoder.checksum}"
        self.name_in_tables = f"{files['decoder'].name}, {known['weights']}"

    def generate(
        self,
        num_images: int | None = None,
        labels: Labels | None = None,
        noise: ArrayLike | None = None,
        step_noise: ArrayLike | None = None,
        seed: int | None = None,
        refiner: bool | None = None,
        **how: Any,
    ) -> Array:
        """Generates images; see `SphereEncoderModel.generate`.

        Args:
            num_images, labels, noise, step_noise, seed: See there.
            refiner: Boolean. Whether `refiner.onnx` stands in place of decoder and
                encoder between the steps.
            **how: Options of `self.sampling`; `None` takes its default.

        Returns:
            float32 array of shape `(num_images, height, width, channels)`.

        Raises:
            ValueError: If a file is missing for what is asked, or the refiner was not
                taught it.
        """
        backbone, options = self.backbone, sampling_options(self, **how)
        refiner = self._find_refiner(refiner, options)
        if options.steps > 1 and refiner is None:
            backbone.require_encoder(f"Sampling in {options.steps} steps")
        count = count_images(num_images, labels, noise)
        labels = class_weights(backbone, read_labels(backbone, labels, count))
        plan = options.plan(True, self.noise_schedule.max_angle_degrees)
        told = refiner and condition_input(refiner, options, plan)
        noise = read_latents(backbone, "noise", noise, count)
        given = read_step_noise(backbone, step_noise, count, plan.num_draws, options)
        seed = read_seed(seed)

        def draw(rows, number):
            given_noise = noise if number == 0 else given and given[number - 1]
            if given_noise is not None:
                return given_noise[rows]
            return sampling.host_noise(seed, rows, number, backbone.latent_shape)

        chunks = []
        for start in range(0, count, BATCH_SIZE):
            rows = np.arange(start, min(start + BATCH_SIZE, count))
            chosen = None if labels is None else labels[rows]
            draws = [draw(rows, number) for number in range(plan.num_draws + 1)]
            loop = _Loop(backbone, plan, chosen, draws, refiner, told)
            chunks.append(loop.run(options.steps))
        return np.concatenate(chunks)

    def _find_refiner(self, wanted, options):
        if not if_given(read_boolean, "refiner", wanted):
            return None
        if self.refiner is None:
            raise ValueError(
                "`refiner` is True, and this folder holds none: export it by "
                "`refiner=`. Received: no refiner.onnx"
            )
        check_options(self.refiner, options, self.noise_schedule.max_angle_degrees)
        return self.refiner

    def reconstruct(self, images: ArrayLike, use_ema: bool | None = None) -> Array:
        """Images encoded and decoded, without class and without noise."""
        backbone = self.backbone
        images = read_images(backbone, images)
        labels = class_weights(backbone, read_labels(backbone, None, len(images)))
        found = []
        for start in range(0, len(images), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            chosen = None if labels is None else labels[rows]
            points = backbone.spherify(backbone.encode(images[rows], chosen))
            found.append(backbone.decode(points, chosen, angles=0.0))
        return np.clip(np.concatenate(found), -1.0, 1.0)


class _Loop:
    """The loop from noise, step by step on the host.

    Args:
        backbone: `_Networks`.
        plan: `LoopPlan`.
        labels: Array of class weights, or `None`.
        draws: List of arrays: the start, then the noises of the moves.
        refiner: `_Refiner` between the steps, or `None`.
        condition: What it is told, as `condition_input` gives it.
    """

    def __init__(self, backbone, plan, labels, draws, refiner=None, condition=None):
        self._plan, self._labels, self._draws = plan, labels, draws
        self._refiner, self._condition = refiner, condition
        self._columns = backbone.condition_rows
        guided = tuple(weight is not None for weight in plan.guidance)
        self._steps = new_steps(backbone, guided, labels, plan.guidance)
        if refiner is not None and self._steps.streams > 1:
            null_labels = null_like(backbone, labels)
            self._labels = sampling.joined(labels, null_labels)

    def run(self, num_steps):
        """The images of the last step, an array in [-1, 1]."""
        steps, plan = self._steps, self._plan
        points = steps.first(self._draws[0])
        for t in range(1, num_steps):
            noises = [
                self._of_move(numbers, t - 1)
                for numbers in (plan.draws, plan.null_draws or plan.draws)
            ]
            points = steps.move(self._between(t, points), noises, plan.strengths[t])
        images = steps.decode(points, plan.told[num_steps - 1], True)
        images = keras.ops.convert_to_numpy(images)[: len(self._draws[0])]
        return np.clip(images, -1.0, 1.0)

    def _between(self, t, points):
        """Points decoded and encoded again, or refined."""
        if self._refiner is None:
            images = self._steps.decode(points, self._plan.told[t - 1], False)
            return self._steps.encode(images)
        is_list = isinstance(self._condition, list)
        condition = self._condition[t - 1] if is_list else self._condition
        told = separated(self._columns, self._labels)
        return self._refiner.refine(points, told, condition)

    def _of_move(self, numbers, move):
        number = numbers[min(move, len(numbers) - 1)]
        return self._draws[0] if number is START else self._draws[number + 1]


class _Refiner:
    """A file with a refiner, which says what it was taught.

    Args:
        file: `_File`.
        teacher: String. Checksum of the model that the decoder is of.

    Raises:
        ValueError: If another model taught it.
    """

    def __init__(self, file, teacher):
        self._file, known = file, file.metadata["refiner"]
        for name in ("condition", "condition_range", "guidance_position"):
            setattr(self, name, known[name])
        if known["teacher"] != teacher:
            raise ValueError(
                "refiner.onnx was taught by another model than decoder.onnx is of: "
                "export both at once. Received: a refiner of the teacher "
                f"{str(known['teacher'])[:12]}, and the model {str(teacher)[:12]}"
            )

    def refine(self, points, inputs, condition):
        """What decoding and encoding would make of points.

        Args:
            points: Tensor or array.
            inputs: Dict of what else is told, by name.
            condition: Float, or `None`.
        """
        told = np.full(len(points), condition, "float32")
        inputs = {**inputs, "guidance_scale": told, "angles": np.radians(told)}
        refined = self._file.run("refined", points=points, **inputs)
        return keras.ops.convert_to_tensor(refined)


class _File:
    """A file with a graph, and what it says of itself."""

    def __init__(self, path):
        path = pathlib.Path(path)
        self.checksum = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self._session, self.metadata = open_file(path)
        self._names = [value.name for value in self._session.get_inputs()]

    def run(self, output, **inputs):
        """The output of this name, for inputs among which are those of the graph."""
        arrays = {
            name: np.asarray(keras.ops.convert_to_numpy(inputs[name]), "float32")
            for name in self._names
        }
        return self._session.run([output], arrays)[0]


@dataclasses.dataclass
class _Networks:
    """Both networks as `models.loops` and the readers of labels take a backbone."""

    architecture: dict[str, Any]
    _decoder: _File
    encoder: _File | None

    def __post_init__(self):
        known = self.architecture
        names = known["class_names"]
        self.class_names = None if names is None else tuple(names)
        for name in ("image_size", "num_channels", "num_classes"):
            setattr(self, name, known[name])
        self.condition_dim = known.get("condition_dim", 0)
        self.condition_rows = ConditionRows(self.num_classes, self.condition_dim)
        self.is_conditional = self.condition_rows.width > 0
        embedder = known.get("embedder")
        self.embedder = None if embedder is None else known_embedder(embedder)
        self.tells_angle = known["angle_condition"] is not None
        self.motion = new_motion(known)
        side = known["image_size"] // known["patch_size"]
        self.latent_shape = (side * side, known["token_channels"])

    def require_encoder(self, what):
        if self.encoder is None:
            raise ValueError(
                f"{what} needs the encoder, and this folder holds none: export it with "
                '`parts=["decoder", "encoder"]`. Received: no encoder.onnx'
            )

    def spherify(self, latents):
        return self.motion.project(latents)

    def perturb(self, points, noise, strength):
        return self.motion.move(points, noise, strength)

    def encode(self, images, labels=None):
        told = separated(self.condition_rows, labels)
        return self.encoder.run("raw_latents", images=images, **told)

    def decode(self, points, labels=None, angles=0.0):
        points = keras.ops.convert_to_numpy(points)
        angles = np.full(len(points), angles, "float32")
        told = separated(self.condition_rows, labels)
        return self._decoder.run("raw_images", latents=points, angles=angles, **told)
