"""Fashion-MNIST: 70,000 product photographs of 28x28 pixels, made to replace MNIST where that is too easy."""

from __future__ import annotations

import os

from glassnet.datasets.idx import IdxDataset, TrainAndTest

__all__ = ["load_data"]

_FASHION_MNIST = IdxDataset(
    name="fashion_mnist",
    folders=("fashion-mnist", "fashion_mnist"),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
)


def load_data(*, data_dir: str | os.PathLike[str] | None = None) -> TrainAndTest:
    """Fashion-MNIST as (x_train, y_train), (x_test, y_test): uint8 images (N, 28, 28), uint8 labels (N,).

    data_dir: the folder that holds `fashion-mnist/train-images-idx3-ubyte.gz` and the other three files; by
    default the one that GLASSNET_DATA names, and without it the cache folder, filled from the mirrors on
    first use.

    >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
    >>> x_train.shape, y_test.shape  # skipped here: needs 30 MB of data  # doctest: +SKIP
    ((60000, 28, 28), (10000,))
    """
    return _FASHION_MNIST.load(data_dir)
