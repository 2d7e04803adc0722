"""What a dataset says of itself."""

import dataclasses

from keras_sphere.short_repr import ShortRepr


@dataclasses.dataclass(frozen=True, repr=False)
class DatasetDescription(ShortRepr):
    """Name, sizes and counts of an `ImageDataset`.

    Args:
        name: String. What `load` was asked for.
        split: String, such as `"train"`.
        image_size: Integer. Height and width of the images it yields.
        num_channels: Integer. Colors of the images it yields.
        num_classes: Integer. 0 if it yields no labels.
        class_names: Tuple of strings; label `i` is the class `class_names[i]`.
        num_images: Integer. Images of one epoch, before incomplete batches go.
        num_skipped: Integer. Images that were listed but cannot be read.
        source: String. Where the images are.
        condition_dim: Integer. Length of the vectors it yields; 0 if it yields none.
        embedder: String. Name of what made them of captions, or `None`.
        vectors: String. Short checksum of the vectors, or `None`.
    """

    name: str
    split: str
    image_size: int
    num_channels: int
    num_classes: int
    class_names: tuple[str, ...]
    num_images: int
    num_skipped: int
    source: str
    condition_dim: int = 0
    embedder: str | None = None
    vectors: str | None = None

    def _facts(self):
        return {
            "name": self.name,
            "split": self.split,
            "images": f"{self.num_images:,}",
            "size": f"{self.image_size} x {self.image_size} x {self.num_channels}",
            "classes": self.num_classes or "none",
            **({"vectors": self.condition_dim} if self.condition_dim else {}),
            "skipped": self.num_skipped,
        }
