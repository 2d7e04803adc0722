"""A few flowers in TFDS' own format, written by TFDS' own builder of that dataset.

python -m tests.data.tiny_tfds FOLDER FILE_FORMAT
"""

import io

import tensorflow_datasets as tfds

from tests.data.image_files import encoded, picture

NAME = "oxford_flowers102"
NUM_IMAGES = {"train": 7, "test": 3}


def new_builder(folder, file_format="array_record"):
    """TFDS' builder of the flowers, with pictures that need no download.

    Args:
        folder: String. The `data_dir` of TFDS.
        file_format: String. A format of TFDS.
    """
    with tfds.core.registered.skip_registration():

        class OxfordFlowers102(tfds.builder_cls(NAME)):
            def _split_generators(self, dl_manager):
                return {split: self._generate_examples(split) for split in NUM_IMAGES}

            def _generate_examples(self, split):
                for i in range(NUM_IMAGES[split]):
                    content = encoded(picture(30, 20, seed=i), "JPEG", quality=95)
                    image = io.BytesIO(
                        b"damaged" if (split, i) == ("test", 1) else content
                    )
                    yield i, {"image": image, "label": 10 * i, "file_name": f"{i}.jpg"}

    return OxfordFlowers102(data_dir=str(folder), file_format=file_format)
