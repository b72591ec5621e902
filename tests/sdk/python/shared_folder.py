"""Material beside the project that not everyone has: the tests that use it are skipped where it is missing."""

import os
import pathlib

import pytest

_PROJECT = pathlib.Path(__file__).resolve().parents[3]
_SHARED = pathlib.Path(os.environ.get("IOTHUB_SHARED", _PROJECT.parent / "shared"))


def shared(path):
    """A file of that folder; skips the module that asks where it is not there."""
    file = _SHARED / path
    if not file.exists():
        pytest.skip(f"{path} is not there (IOTHUB_SHARED names its folder)", allow_module_level=True)
    return file
