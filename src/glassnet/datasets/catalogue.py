"""The table of the image sets: what `glassnet datasets` prints, and how a program loads one by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassnet.datasets import digits, fashion_mnist, mnist
from glassnet.datasets.idx import TrainAndTest


@dataclass(frozen=True)
class DatasetInfo:
    """The facts of one data set; `sizes` counts training and test images, `max_value` is the top pixel."""

    title: str
    shape: tuple[int, int]
    class_names: tuple[str, ...]
    sizes: tuple[int, int]
    max_value: int
    source: str
    licence: str
    needs_download: bool
    load_data: Callable[[], TrainAndTest]

    @property
    def classes(self) -> int:
        """How many classes the labels count."""
        return len(self.class_names)


_DIGIT_NAMES = tuple("0123456789")

DATASETS: dict[str, DatasetInfo] = {
    "digits": DatasetInfo(
        title="Optical Recognition of Handwritten Digits, small grey images by 13 writers",
        shape=(8, 8),
        class_names=_DIGIT_NAMES,
        sizes=(1438, 359),
        max_value=16,
        source="E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49",
        licence="CC BY 4.0",
        needs_download=False,
        load_data=digits.load_data,
    ),
    "mnist": DatasetInfo(
        title="MNIST, handwritten digits",
        shape=(28, 28),
        class_names=_DIGIT_NAMES,
        sizes=(60_000, 10_000),
        max_value=255,
        source="Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist",
        licence="CC BY-SA 3.0",
        needs_download=True,
        load_data=mnist.load_data,
    ),
    "fashion_mnist": DatasetInfo(
        title="Fashion-MNIST, grey product photographs of clothes and shoes",
        shape=(28, 28),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        sizes=(60_000, 10_000),
        max_value=255,
        source="H. Xiao, K. Rasul, R. Vollgraf, https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        needs_download=True,
        load_data=fashion_mnist.load_data,
    ),
}
"""Every data set that has a name on the command line."""
