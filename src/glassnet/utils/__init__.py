"""Small helpers by their Keras names. Those of higher levels are looked up when used: this package stays at L0."""

from __future__ import annotations

import importlib
from typing import Any

from glassnet.registry import get_registered_name, get_registered_object, register_keras_serializable
from glassnet.seeds import set_random_seed
from glassnet.utils.generation import generate
from glassnet.utils.images import array_to_img, img_to_array, load_img, save_img
from glassnet.utils.numerical import normalize, to_categorical
from glassnet.utils.sequences import pad_sequences

__all__ = [
    "PyDataset", "Sequence", "array_to_img", "clear_session", "generate", "get_file", "get_registered_name",
    "get_registered_object", "img_to_array", "load_img", "normalize", "pack_x_y_sample_weight", "pad_sequences",
    "register_keras_serializable", "save_img", "set_random_seed", "timeseries_dataset_from_array", "to_categorical",
    "unpack_x_y_sample_weight",
]  # fmt: skip

_ELSEWHERE = {
    "PyDataset": ("glassnet.training.data", "Sequence"),
    "Sequence": ("glassnet.training.data", "Sequence"),
    "clear_session": ("glassnet.layers.base", "clear_session"),
    "get_file": ("glassnet.datasets.download", "get_file"),
    "pack_x_y_sample_weight": ("glassnet.training.data", "pack_x_y_sample_weight"),
    "timeseries_dataset_from_array": ("glassnet.training.timeseries", "timeseries_dataset_from_array"),
    "unpack_x_y_sample_weight": ("glassnet.training.data", "unpack_x_y_sample_weight"),
}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        module, attribute = _ELSEWHERE[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'glassnet.utils' has no attribute {name!r}")
