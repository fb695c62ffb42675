"""The images of the ladder: the 8x8 digits that ship with glassnet, or MNIST when GLASSNET_DATA names its folder."""

import os

from glassnet.datasets import digits, mnist

MNIST = "GLASSNET_DATA" in os.environ


def load():
    """Images as rows of numbers from 0 to 1 and their labels, for training and for the test."""
    (x, y), (x_test, y_test) = mnist.load_data() if MNIST else digits.load_data()
    return x.reshape(len(x), -1) / x.max(), y, x_test.reshape(len(x_test), -1) / x.max(), y_test
