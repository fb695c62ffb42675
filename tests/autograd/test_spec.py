"""A Spec is a shape and a dtype, equal by value, and never a number."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.autograd.spec import Spec
from glassnet.errors import GraphError

F32 = np.dtype("float32")


def test_specs_are_equal_by_value_and_can_be_keys():
    assert Spec.of(np.zeros((2, 3), "float32")) == Spec((2, 3), F32)
    assert {Spec((None, 3), F32): 1}[Spec((None, 3), F32)] == 1
    assert Spec((2,), F32) != Spec((2,), np.dtype("float64"))


def test_size_needs_every_dimension():
    spec = Spec((2, 3), F32)
    assert (spec.ndim, spec.size, Spec((), F32).size, Spec((0, 4), F32).size) == (2, 6, 1, 0)
    with pytest.raises(GraphError, match=r"the size of Spec\(\(None, 3\), float32\) is not known yet"):
        _ = Spec((None, 3), F32).size
