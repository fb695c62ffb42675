"""The generated sets: their geometry is checked from the points, not by the formulas that made them."""

import numpy as np
import pytest

from glassnet.datasets import toy
from glassnet.errors import ArgumentError

CLASSES = ("xor_cloud", "circles", "moons", "spiral", "blobs", "gauss")
TARGETS = ("addition", "reg_plane", "reg_gauss")


@pytest.mark.parametrize("name", CLASSES + TARGETS)
def test_set_has_the_promised_size_and_types_and_repeats_with_its_seed(name):
    make = getattr(toy, name)
    x, y = make(31, seed=3)
    assert (x.shape, x.dtype) == ((31, 2), np.float32)
    assert (y.shape, y.dtype) == (((31,), np.int32) if name in CLASSES else ((31, 1), np.float32))
    for first, again in zip((x, y), make(31, seed=3), strict=True):
        np.testing.assert_array_equal(first, again)
    assert not np.array_equal(x, make(31, seed=4)[0])


@pytest.mark.parametrize("name", ["circles", "moons", "gauss"])
def test_two_classes_are_equally_large_and_mixed(name):
    _, y = getattr(toy, name)(400)
    assert np.bincount(y).tolist() == [200, 200]
    assert 60 < y[:200].sum() < 140


@pytest.mark.parametrize("name", [*CLASSES, *TARGETS, "sine"])
def test_no_samples_at_all_is_an_error(name):
    with pytest.raises(ArgumentError, match=rf"toy.{name}: too few samples"):
        getattr(toy, name)(0)


def test_xor_is_the_truth_table():
    x, y = toy.xor()
    assert {(*point, *target) for point, target in zip(x.tolist(), y.tolist(), strict=True)} == {
        (0, 0, 0),
        (0, 1, 1),
        (1, 0, 1),
        (1, 1, 0),
    }


def test_xor_cloud_is_one_where_the_signs_agree_and_leaves_the_axes_free():
    x, y = toy.xor_cloud(500)
    np.testing.assert_array_equal(y == 1, np.sign(x[:, 0]) == np.sign(x[:, 1]))
    assert np.abs(x).min() >= 0.3


def test_circles_are_a_disc_in_a_ring():
    x, y = toy.circles(500)
    radius = np.sqrt((x**2).sum(axis=1))
    assert radius[y == 1].max() <= 2.5
    assert radius[y == 0].min() >= 3.5
    assert radius.max() <= 5 + 1e-6


@pytest.mark.parametrize("name", ["circles", "xor_cloud"])
def test_noise_blurs_the_border_and_leaves_the_points(name):
    clean, noisy = (getattr(toy, name)(500, noise=noise) for noise in (0.0, 0.3))
    np.testing.assert_array_equal(clean[0], noisy[0])
    assert 20 < (clean[1] != noisy[1]).sum() < 250


def test_moons_are_half_circles_around_their_own_centres():
    x, y = toy.moons(500, noise=0.0)
    for label, centre, side in ((0, (0, 0), 1), (1, (1, 0.5), -1)):
        points = x[y == label] - centre
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
        assert (side * points[:, 1] > -1e-6).all()


def test_spiral_arms_are_the_same_curve_turned():
    x, y = toy.spiral(300, classes=3, noise=0.0)
    assert np.bincount(y).tolist() == [100, 100, 100]
    arms = []
    for label in range(3):
        arm = x[y == label]
        arm = arm[np.argsort(np.linalg.norm(arm, axis=1))]
        np.testing.assert_allclose(np.linalg.norm(arm, axis=1), np.linspace(0, 1, 100), atol=1e-6)
        arms.append(arm[:, 0] + 1j * arm[:, 1])
        assert abs(np.ptp(np.unwrap(np.angle(arms[-1][1:]))) - 10 * 98 / 99) < 1e-3  # 10 radians over the whole arm
    for arm in arms[1:]:
        turn = arm[1:] / arms[0][1:]
        np.testing.assert_allclose(turn, np.full(99, turn[-1]), atol=1e-4)
        assert abs(turn[-1] - 1) > 0.5


def test_blobs_lie_around_their_class_means():
    x, y = toy.blobs(3000, classes=3, features=4, deviation=0.5)
    assert x.shape == (3000, 4)
    for label in range(3):
        np.testing.assert_allclose(x[y == label].std(axis=0), 0.5, rtol=0.1)


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.5, 4.0)])
def test_gauss_clouds_have_the_stated_means_and_variance(noise, variance):
    x, y = toy.gauss(4000, noise=noise)
    for label, mean in ((1, 2), (0, -2)):
        np.testing.assert_allclose(x[y == label].mean(axis=0), mean, atol=0.2)
        np.testing.assert_allclose(x[y == label].var(axis=0), variance, rtol=0.15)


def test_sine_is_one_period_in_order():
    x, y = toy.sine(1000)
    assert (x.shape, y.shape) == ((1000, 1), (1000, 1))
    np.testing.assert_allclose(y[[0, 250, 500, 750], 0], [0, 1, 0, -1], atol=1e-6)
    assert (np.diff(x[:, 0]) > 0).all()


def test_addition_is_the_sum_of_two_numbers_from_zero_to_one():
    x, y = toy.addition(300)
    np.testing.assert_allclose(y[:, 0], x[:, 0] + x[:, 1], rtol=1e-6)
    assert x.min() >= 0
    assert x.max() <= 1


def test_reg_plane_is_a_tenth_of_the_sum():
    x, y = toy.reg_plane(300)
    np.testing.assert_allclose(y[:, 0], 0.1 * x[:, 0] + 0.1 * x[:, 1], atol=1e-6)


def test_reg_gauss_has_six_signed_cones():
    x, y = toy.reg_gauss(4000)
    for centre, sign in zip(
        ((-4, 2.5), (0, 2.5), (4, 2.5), (-4, -2.5), (0, -2.5), (4, -2.5)), (1, -1, 1, -1, 1, -1), strict=True
    ):
        distance = np.hypot(*(x - np.array(centre, np.float32)).T)
        close = distance < 1.9
        np.testing.assert_allclose(y[close, 0], sign * (1 - distance[close] / 2), atol=1e-5)
    assert (np.abs(y) <= 1).all()
