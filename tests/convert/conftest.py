"""Run folders with the golden weights."""

import pytest


@pytest.fixture
def run(tmp_path):
    """A new run folder without checkpoints."""
    return tmp_path / "run"
