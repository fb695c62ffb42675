"""Seeding: one root seed, and numbered child generators whose state can be saved and restored.

Every source of randomness (an initializer, a dropout layer, the shuffling of `fit`) owns a `SeedGenerator`. Without a
seed of its own it takes the next child of the root, so one `set_random_seed` makes a whole program repeatable.
"""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError
from glassnet.typing import Array

_root = np.random.SeedSequence()


def set_random_seed(seed: int) -> None:
    """Make everything random that is created from now on repeatable (also Python's and NumPy's global generators).

    >>> set_random_seed(0)
    >>> a = SeedGenerator().uniform(2)
    >>> set_random_seed(0)
    >>> bool((SeedGenerator().uniform(2) == a).all())
    True
    """
    global _root
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError("set_random_seed: bad seed", expected="an integer >= 0", received=repr(seed))
    _root = np.random.SeedSequence(int(seed))
    python_random.seed(int(seed))
    np.random.seed(int(seed) % 2**32)


class SeedGenerator:
    """A generator of random bits with a state that can be saved.

    Arguments:
        seed: an integer, or None for the next child of the root seed.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ArgumentError("SeedGenerator: bad seed", expected="an integer >= 0 or None", received=repr(seed))
        self.seed, self.name = None if seed is None else int(seed), name or "seed_generator"
        source = np.random.SeedSequence(self.seed) if self.seed is not None else _root.spawn(1)[0]
        self.generator = np.random.Generator(np.random.PCG64(source))

    def restart(self) -> None:
        """Go back to the first bits."""
        source: Any = self.generator.bit_generator.seed_seq
        self.generator = np.random.Generator(np.random.PCG64(source))

    def uniform(self, shape: Any, dtype: Any = "float32") -> Array:
        """Numbers in [0, 1)."""
        drawn: Array = self.generator.random(shape, dtype=np.dtype(dtype).type)
        return drawn

    def normal(self, shape: Any, dtype: Any = "float32") -> Array:
        """Standard normal numbers."""
        drawn: Array = self.generator.standard_normal(shape, dtype=np.dtype(dtype).type)
        return drawn

    def permutation(self, count: int) -> Array:
        """0..count-1 in random order."""
        return self.generator.permutation(count)

    @property
    def state(self) -> dict[str, str]:
        """The state as text, exact."""
        inner: Any = self.generator.bit_generator.state
        return {
            "state": str(inner["state"]["state"]),
            "inc": str(inner["state"]["inc"]),
            "has_uint32": str(inner["has_uint32"]),
            "uinteger": str(inner["uinteger"]),
        }

    @state.setter
    def state(self, state: dict[str, str]) -> None:
        self.generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": int(state["state"]), "inc": int(state["inc"])},
            "has_uint32": int(state["has_uint32"]),
            "uinteger": int(state["uinteger"]),
        }

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"seed": self.seed, "name": self.name}


def as_generator(seed: Any) -> SeedGenerator:
    """A SeedGenerator from an integer, None, a SeedGenerator, or what `seed_config` made of one."""
    if isinstance(seed, dict):
        return SeedGenerator(**seed["config"])
    return seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)


def seed_config(seed: Any) -> Any:
    """A seed as plain data: a SeedGenerator by its own seed, with which it starts anew; anything else as it is."""
    return {"class_name": "SeedGenerator", "config": seed.get_config()} if isinstance(seed, SeedGenerator) else seed
