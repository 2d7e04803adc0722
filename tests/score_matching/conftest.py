"""Tests of functions compile many small programs."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def quick(quick_compilation):
    """All modules of this folder."""
