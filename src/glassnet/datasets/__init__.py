"""Data to learn from: images and texts that ship or download, generated toy sets, CSV tables; and images out as files.

Everything here needs only NumPy, and nothing reaches for the network except `mnist`, `fashion_mnist`, `names`,
`tinyshakespeare` and `get_file`.
"""

from __future__ import annotations

from glassnet.datasets import digits, fashion_mnist, mnist, names, text, tinyshakespeare, toy
from glassnet.datasets.catalogue import DATASETS, DatasetInfo
from glassnet.datasets.csv import CsvData, CsvSchema, load_csv
from glassnet.datasets.export import export_images
from glassnet.datasets.images import read_image

__all__ = [
    "DATASETS",
    "CsvData",
    "CsvSchema",
    "DatasetInfo",
    "digits",
    "export_images",
    "fashion_mnist",
    "load_csv",
    "mnist",
    "names",
    "read_image",
    "text",
    "tinyshakespeare",
    "toy",
]
