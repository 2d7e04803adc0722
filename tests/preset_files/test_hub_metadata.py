"""What the Hugging Face Hub reads of a card, read as its own client reads it."""

import pytest
from huggingface_hub import ModelCard

from keras_sphere.preset_files.card import model_card
from keras_sphere.preset_files.hub_metadata import without_front_matter
from tests.preset_files.valid_config import new_config

pytestmark = pytest.mark.any_backend


def card_of(license="Apache-2.0", num_classes=10, **notes):
    config = new_config()
    config["license"] = license
    config["architecture"]["num_classes"] = num_classes
    config["recipe"]["training"] = notes
    return model_card(config)


def metadata(**what):
    return ModelCard(card_of(**what)).data.to_dict()


def test_what_is_known():
    assert metadata() == {
        "library_name": "keras_sphere",
        "license": "apache-2.0",
        "tags": ["keras", "image-generation", "autoencoder", "sphere-encoder"],
    }
    task = {"pipeline_tag": "unconditional-image-generation"}
    assert metadata(num_classes=0).items() > task.items()


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC BY 4.0", {"license": "cc-by-4.0"}),
        ("My 'own': license", {"license": "other", "license_name": "my-own-license"}),
        ("unspecified", {}),
    ],
)
def test_license(license, expected):
    found = metadata(license=license)
    assert {k: v for k, v in found.items() if k.startswith("license")} == expected


def test_images_and_what_the_training_began_from():
    found = metadata(dataset="fashion_mnist", init_from="hf://a/b/c")
    assert found["datasets"] == ["zalando-datasets/fashion_mnist"]
    assert found["base_model"] == ["a/b"]
    found = metadata(dataset="/home/me/photos", init_from="digits16")
    assert not {"datasets", "base_model"} & set(found)


def test_people_read_the_text_alone():
    text = without_front_matter(card_of())
    assert text.startswith("# digits16\n")
    assert card_of().endswith(text)
    assert without_front_matter("# Mine\n\n---\n\nText\n") == "# Mine\n\n---\n\nText\n"
