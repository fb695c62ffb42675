"""A Spec is a shape and a dtype, equal by value; its size needs every dimension."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autograd.spec import Spec
from glassnet.errors import GraphError


def test_a_spec_is_a_value_and_its_size_needs_every_dimension():
    f32 = np.dtype("float32")
    assert {Spec.of(np.zeros((2, 3), "float32"))} == {Spec((2, 3), f32)} != {Spec((2, 3), np.dtype("float64"))}
    assert (Spec((2, 3), f32).size, Spec((), f32).size, Spec((0, 4), f32).size) == (6, 1, 0)
    with pytest.raises(GraphError, match=r"the size of Spec\(\(None, 3\), float32\) is not known yet"):
        _ = Spec((None, 3), f32).size
