"""A folder of images as a user might have one."""

import numpy as np
import PIL.Image
import PIL.ImageDraw


def write_photos(folder):
    """Draws circles and squares, 17 of each, into folders named after them."""
    draws = np.random.default_rng(0)
    for shape in ("circle", "square"):
        (folder / shape).mkdir(parents=True)
        for index in range(17):
            image = PIL.Image.new("RGB", (24, 20), "white")
            x, y = (int(place) for place in draws.integers(1, 10, 2))
            draw = PIL.ImageDraw.Draw(image)
            draw_shape = draw.ellipse if shape == "circle" else draw.rectangle
            draw_shape([x, y, x + 8, y + 8], fill=("red", "blue")[index % 2])
            image.save(folder / shape / f"{index}.png")
    return folder
