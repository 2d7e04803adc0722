"""What the Hugging Face Hub reads of a model card: the YAML at its top.

The fields are those of https://huggingface.co/docs/hub/model-cards#model-card-metadata.
Only what is known is said.
"""

import json
import re

MARK = "---"
# Not `keras`, for which the Hub shows a line that loads `.keras` files.
LIBRARY = "keras_sphere"
TAGS = ("keras", "image-generation", "autoencoder", "sphere-encoder")
# Identifiers that the Hub has, of licenses that models and images often have.
LICENSES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "unlicense"),
    *("gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0"),
    *("cc", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0"),
    *("cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0"),
    *("openrail", "creativeml-openrail-m"),
)
UNKNOWN_LICENSES = ("", "unspecified")
# Name for `keras_sphere.data.load` -> who publishes the same images on the Hub.
DATASETS = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "imagenet": "ILSVRC/imagenet-1k",
    "mnist": "ylecun/mnist",
}
_HUB_PREFIX = "hf://"


def front_matter(config):
    """The lines at the top of a preset's card.

    Args:
        config: Dict as `schema.schema` describes it.

    Returns:
        List of strings, the marks around them included.
    """
    notes = config["recipe"]["training"]
    facts = {"library_name": LIBRARY, **_license(config["license"])}
    if config["architecture"]["num_classes"] == 0:
        facts["pipeline_tag"] = "unconditional-image-generation"
    lines = [f"{key}: {json.dumps(value)}" for key, value in facts.items()]
    lines += ["tags:", *(f"- {tag}" for tag in TAGS)]
    dataset, origin = str(notes.get("dataset")), str(notes.get("init_from"))
    if dataset in DATASETS:
        lines += ["datasets:", f"- {DATASETS[dataset]}"]
    if origin.startswith(_HUB_PREFIX):
        repository = "/".join(origin.removeprefix(_HUB_PREFIX).split("/")[:2])
        lines += ["base_model:", f"- {json.dumps(repository)}"]
    return [MARK, *lines, MARK]


def without_front_matter(card):
    """The text of a card for people.

    Args:
        card: String.
    """
    top, _, rest = card.partition(f"\n{MARK}\n")
    return rest.lstrip("\n") if rest and top.startswith(f"{MARK}\n") else card


def _license(name):
    """The Hub's own identifier, or `other` with the name as an identifier."""
    identifier = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
    if name.lower() in UNKNOWN_LICENSES or not identifier:
        return {}
    if identifier in LICENSES:
        return {"license": identifier}
    return {"license": "other", "license_name": identifier}
