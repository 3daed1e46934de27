"""Shared by all tests: the real data beside the project, and one small Spark session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; a newcomer has none and skips, CI must have it."""
    if not SHARED.is_dir():
        message = f"no real data at {SHARED}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    """local[2], shared by all tests that need a JVM."""
    from curate.recipe import Recipe, Spark
    from curate.session import session

    yield session(Recipe(input=("-",), output="-", spark=Spark(master="local[2]", driver_memory="1g")))
