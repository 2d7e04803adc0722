"""An evaluation to be killed: `python -m tests.evaluation.killed_evaluation FOLDER`."""

import sys

from keras_sphere.evaluation import evaluate
from tests import tiny_models
from tests.evaluation.test_evaluate import to_bytes

NUM_IMAGES = 6_000


def evaluation(folder, tick):
    """The evaluation; what it computes is kept in the folder."""
    images = to_bytes(tiny_models.new_images(NUM_IMAGES))
    return evaluate(
        images[:, :, ::-1],
        images[: NUM_IMAGES // 2],
        metrics=["frechet", "inception_score"],
        network="digits",
        cache_dir=folder,
        tick=tick,
    )


if __name__ == "__main__":
    evaluation(sys.argv[1], lambda *state: print(*state, sep="\t", flush=True))
