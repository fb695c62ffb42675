"""MNIST: 70,000 handwritten digits of 28x28 pixels."""

from __future__ import annotations

import os

from glassnet.datasets.idx import IdxDataset, TrainAndTest

__all__ = ["load_data"]

_MNIST = IdxDataset(
    name="mnist",
    folders=("mnist",),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> TrainAndTest:
    """MNIST as (x_train, y_train), (x_test, y_test): uint8 images (N, 28, 28) and uint8 labels (N,).

    data_dir: the folder that holds `mnist/train-images-idx3-ubyte.gz` and the other three files; by default
    the one that the variable GLASSNET_DATA names, and without it the cache folder, filled from the mirrors on
    first use.

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, y_test.shape  # skipped here: needs 11 MB of data  # doctest: +SKIP
    ((60000, 28, 28), (10000,))
    """
    return _MNIST.load(data_dir)
