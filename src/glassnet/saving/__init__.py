"""Saving: the archive format (`archive`, level L0), and by their Keras names the functions for whole models."""

from __future__ import annotations

import importlib
from typing import Any

from glassnet.registry import get_registered_name, get_registered_object, register_keras_serializable

__all__ = [
    "get_registered_name", "get_registered_object", "load_model", "load_weights", "register_keras_serializable",
    "save_model", "save_weights",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The functions of `glassnet.models.files`, looked up when used: this package itself stays at level L0."""
    if name in ("read_archive", "write_archive"):  # zipfile and its kin are imported when a file is touched
        return getattr(importlib.import_module("glassnet.saving.archive"), name)
    if name in ("load_model", "load_weights", "save_model", "save_weights"):
        return getattr(importlib.import_module("glassnet.models.files"), name)
    raise AttributeError(f"module 'glassnet.saving' has no attribute {name!r}")
