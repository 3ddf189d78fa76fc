"""What the tests of the Python package share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import persiste_rust

ROOT = Path(__file__).resolve().parents[2]


def pytest_configure() -> None:
    """Lets Ctrl-C work, which some tests send: a shell that starts them in the background makes them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs the native module where there is none."""
    if persiste_rust.BACKEND == "rust":
        return
    skip = pytest.mark.skip(reason="needs the native module; this is the NumPy backend")
    for item in items:
        if "native" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def example_tree() -> Path:
    return ROOT / "examples" / "simulated_tree.nwk"


@pytest.fixture(scope="session")
def example_table() -> Path:
    return ROOT / "examples" / "simulated_genes.Rtab"
