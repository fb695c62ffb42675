"""Predictions and surfaces as text."""

from __future__ import annotations

import numpy as np
import pytest

import glassnet as gn
from glassnet.errors import ArgumentError, ShapeError
from glassnet.explain import show_prediction, show_surface
from glassnet.explain.show import half_blocks, surface


def classifier(pixels: int = 4) -> gn.Sequential:
    """Output k is the probability that pixel k is the brightest."""
    return gn.Sequential([gn.Input((pixels,)), gn.layers.Activation("softmax")])


def test_a_half_block_holds_two_pixels_above_each_other():
    image = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0]])
    assert half_blocks(image) == ["▀▄█ ", "▀▀  "]


def test_an_image_is_shrunk_by_means_so_that_it_fits_a_terminal():
    image = np.zeros((28, 28))
    image[:, :14] = 255
    assert half_blocks(image) == ["███████       "] * 7
    assert half_blocks(np.zeros((32, 8))) == ["    "] * 8


def test_a_colour_image_is_shown_in_grey():
    image = np.zeros((2, 2, 3))
    image[0] = 1
    assert half_blocks(image) == ["▀▀"]


def test_the_classes_are_those_of_predict_the_most_likely_first():
    model, x = classifier(), np.array([0.1, 0.9, 0.3, 0.2], "float32")
    shown = show_prediction(model, x, ["a", "b", "c", "d"])
    assert shown.label == "b"
    assert list(shown.probabilities) == ["b", "c", "d", "a"]
    assert list(shown.probabilities.values()) == sorted(map(float, model.predict(x[None])[0]), reverse=True)


def test_the_text_holds_picture_class_and_probabilities():
    shown = show_prediction(classifier(), np.array([9.0, 0.0, 0.0, 9.0]))
    assert str(shown).splitlines() == ["▀▄", "predicted: 0", *(line.rstrip() for line in (
        "0   50.0% ███████████████", "3   50.0% ███████████████", "1    0.0%", "2    0.0%"))]  # fmt: skip


def test_what_is_no_image_has_no_picture():
    shown = show_prediction(classifier(3), np.array([0.0, 1.0, 0.0]))
    assert shown.picture == ""
    assert str(shown).startswith("predicted: 1")


def test_a_batch_is_refused():
    with pytest.raises(ShapeError, match=r"x is not one sample\n  expected: \(4,\)\n  received: \(2, 4\)"):
        show_prediction(classifier(), np.zeros((2, 4)))


def test_a_name_for_every_output_is_needed():
    with pytest.raises(ArgumentError, match=r"expected: 4 names\n  received: 2"):
        show_prediction(classifier(), np.zeros(4), ["cat", "dog"])


def test_a_surface_goes_right_with_the_first_input_and_up_with_the_second():
    model = gn.Sequential([gn.Input((2,)), gn.layers.Lambda(lambda x: x[:, :1] * x[:, 1:])])
    values = surface(model, 0, 1, 3)
    np.testing.assert_allclose(values, [[0, 0, 0], [0, 0.25, 0.5], [0, 0.5, 1]])
    assert show_surface(model, size=3) == "·▒█\n·░▒\n···"


def test_a_surface_of_two_outputs_is_refused():
    with pytest.raises(ShapeError, match="the model needs one output"):
        show_surface(gn.Sequential([gn.Input((2,)), gn.layers.Identity()]))
