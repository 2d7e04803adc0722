"""The page with the table of presets is what their configurations say."""

import pytest

from docs_build import preset_table

pytestmark = pytest.mark.any_backend


def test_the_page_is_up_to_date():
    assert preset_table.PAGE.read_text() == preset_table.page(), (
        "run python docs_build/preset_table.py"
    )


def test_every_preset_has_a_row():
    names = {path.parent.name for path in preset_table.PRESETS.glob("*/config.json")}
    assert len(names) > 10
    for name in names:
        assert preset_table.page().count(f"| `{name}` |") == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("digits16", "trained here"),
        ("sphere2_imagenet256_base", "not the real ones"),
        ("imagenet64", "nor by the authors"),
        ("imagenet256_base", "golden numbers"),
    ],
)
def test_what_was_verified(name, text):
    assert text in preset_table.verified(name)
