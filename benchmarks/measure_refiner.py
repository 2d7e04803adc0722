"""The loop without pixels beside the ordinary one: quality and speed, on digits16.

    python benchmarks/measure_refiner.py --output=runs/refiners

It teaches refiners of several sizes (going on with what the folder holds), and
measures, for each, the cosine to the teacher on unseen points, the quality of 500
digits as `examples/digits_quality.py` has it, and images per second of both loops in
turn, in one process, so that their ratio is one of equal conditions.
"""

import argparse
import itertools
import json
import pathlib
import sys
import time

import keras

import keras_sphere
from keras_sphere.training import distill, measure_refiner
from keras_sphere.visualization import image_grid, save_image

sys.path.append(str(pathlib.Path(__file__).parents[1] / "examples"))
import numpy as np
from digits_quality import COLUMNS, DigitsQuality, sample_labels

STEPS = (2, 4, 6)


def main():
    flags = parse()
    model = keras_sphere.presets.load("digits16", compile=False)
    train, test = keras_sphere.data.load_digits()
    quality = DigitsQuality(train, test)
    refiners = {
        share: distill(
            model,
            share=share,
            output_dir=pathlib.Path(flags.output) / f"share-{share:g}",
            epochs=epochs,
            batch_size=flags.batch_size,
            learning_rate=flags.learning_rate,
            images=train[0] if flags.images else None,
            labels=train[1] if flags.images else None,
            verbose=2,
        ).refiner
        for share, epochs in zip(flags.shares, itertools.cycle(flags.epochs))
    }
    rows = {"pixels": {"parameters": model.backbone.decoder.count_params()}}
    rows["pixels"] |= measure(model, quality, None, flags)
    for share, refiner in refiners.items():
        rows[f"share {share:g}"] = {
            "parameters": refiner.count_params(),
            "size": [refiner.transformer.hidden_dim, refiner.transformer.num_layers],
            "cosines": measure_refiner(model, refiner, seed=flags.seed, batches=8),
            **measure(model, quality, refiner, flags),
        }
    speeds = measure_speed(model, [None, *refiners.values()], flags)
    for row, speed in zip(rows.values(), speeds, strict=True):
        row["images_per_second"] = speed
    path = pathlib.Path(flags.output) / f"refiners-{keras.backend.backend()}.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")
    draw(model, refiners, pathlib.Path(flags.output) / "loops.png")
    show(rows)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="runs/refiners")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.25, 0.5])
    parser.add_argument("--epochs", type=int, nargs="+", default=[20])
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--images", action="store_true", help="Noisy latents, too.")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3.0, help="Per speed.")
    parser.add_argument("--chunk", type=int, default=64, help="Images at a time.")
    return parser.parse_args()


def measure(model, quality, refiner, flags):
    """Means of three draws of 500 digits, per number of steps."""
    found = {}
    for steps in STEPS:
        draws = []
        for draw_number in range(3):
            labels = sample_labels()
            images = model.generate(
                labels=labels,
                steps=steps,
                seed=flags.seed + draw_number,
                refiner=refiner,
            )
            draws.append(quality.measure_samples(images, labels))
        found[str(steps)] = {
            key: float(np.mean([d[key] for d in draws])) for key in draws[0]
        }
    return found


def measure_speed(model, loops, flags):
    """Images per second per loop and steps: the best of several turns of each."""
    best = [dict.fromkeys(map(str, STEPS), 0.0) for _ in loops]
    labels = np.arange(flags.chunk) % 10
    for turn in range(6):
        for steps in STEPS:
            for place, refiner in enumerate(loops):
                count, begin = 0, time.perf_counter()
                while time.perf_counter() - begin < flags.seconds / 5 or count == 0:
                    model.generate(
                        labels=labels,
                        steps=steps,
                        seed=count,
                        refiner=refiner,
                        batch_size=flags.chunk,
                    )
                    count += flags.chunk
                speed = count / (time.perf_counter() - begin)
                if turn:  # the first one compiles
                    best[place][str(steps)] = max(best[place][str(steps)], speed)
    return best


def draw(model, refiners, path):
    """Rows of digits by turns: of the ordinary loop, then of each refiner."""
    labels = np.tile(np.arange(10), 2)
    loops = [None, *refiners.values()]
    images = [model.generate(labels=labels, seed=7, refiner=loop) for loop in loops]
    rows = [images[i][10 * half :][:10] for half in range(2) for i in range(len(loops))]
    grid = image_grid(np.concatenate(rows), columns=10)
    save_image(path, np.repeat(np.repeat(grid, 3, axis=0), 3, axis=1))


def show(rows):
    """Prints a table in Markdown, with speeds and distances beside the first row's."""
    names = [title for title, _, _ in COLUMNS.values()]
    print("| loop | steps | " + " | ".join(names) + " | images/s | times |")
    print("|---" * (len(names) + 4) + "|")
    for name, row in rows.items():
        for steps in map(str, STEPS):
            cells = [
                form.format(row[steps][key] * scale)
                for key, (_, form, scale) in COLUMNS.items()
            ]
            speed = row["images_per_second"][steps]
            times = speed / rows["pixels"]["images_per_second"][steps]
            print(
                f"| {name} | {steps} | {' | '.join(cells)} | {speed:,.0f} | "
                f"{times:.2f} |"
            )
    for name, row in rows.items():
        if "cosines" in row:
            cosines = ", ".join(f"{c:.4f}" for c in row["cosines"])
            print(f"{name}: {row['parameters']:,} parameters, cosines {cosines}")


if __name__ == "__main__":
    main()
