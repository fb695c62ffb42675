"""Small worlds to act in, with Gymnasium's interface: CartPole, and a grid to find the way through.

`reset(seed=...)` gives (observation, info), `step(action)` gives (observation, reward, terminated, truncated, info).
An episode is over when the world says so (terminated) or when its time is up (truncated). What is written for these
worlds runs in Gymnasium's own as well, and the reverse.
"""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.errors import ArgumentError, GlassnetError, did_you_mean
from glassnet.typing import Array

__all__ = ["CartPole", "Environment", "GridWorld", "make"]

Step = tuple[Array, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True)
class Box:
    """Observations: arrays of one shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Discrete:
    """Actions: 0 to n - 1."""

    n: int


class Environment(ABC):
    """Base of a world: it keeps the generator, counts the steps and checks what comes in.

    A world says how an episode begins (`begin`) and what an action does (`move`).
    """

    observation_space: Box
    action_space: Discrete
    step_limit: int

    def __init__(self) -> None:
        self.np_random = np.random.default_rng()
        self.steps_left = 0

    @abstractmethod
    def begin(self) -> Array:
        """The first observation of an episode."""

    @abstractmethod
    def move(self, action: int) -> tuple[Array, float, bool]:
        """What an action leads to: observation, reward, and whether the episode ends by it."""

    def reset(self, *, seed: int | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin an episode.

        Arguments:
            seed: of this and all later episodes; without one the generator goes on.
        """
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        self.steps_left = self.step_limit
        return self.begin(), {}

    def step(self, action: int) -> Step:
        """Do an action: observation, reward, terminated, truncated, info."""
        who = type(self).__name__
        if self.steps_left == 0:
            raise ArgumentError(f"{who}: no episode is going on", received=f"step({action})", fix="call reset() first")
        if action not in range(self.action_space.n):
            raise ArgumentError(
                f"{who}: no such action", expected=f"0 to {self.action_space.n - 1}", received=repr(action),
                fix="actions are counted from 0; action_space.n says how many there are",
            )  # fmt: skip
        observation, reward, terminated = self.move(int(action))
        self.steps_left -= 1
        truncated = self.steps_left == 0
        self.steps_left = 0 if terminated else self.steps_left
        return observation, reward, terminated, truncated, {}


class CartPole(Environment):
    r"""A pole stands on a cart; pushes to the left (0) and to the right (1) must keep it up. Reward 1 for every step.

    Arguments:
        sutton_barto_reward: pay as in the paper: -1 for the step with which it ends, 0 for all others.

    The observation is (x, x', θ, θ'): place and speed of the cart in m and m/s, angle and turning speed of the pole in
    rad and rad/s. With F the push, M and m the masses of both and of the pole, l half its length, g gravity:

    1. Forces along the track, without those of the pole's own acceleration: t = (F + m l θ'² sin θ) / M.
    2. Torques about the hinge: θ'' = (g sin θ - t cos θ) / (l (4/3 - m cos² θ / M)).
    3. The cart gets back what the pole takes: x'' = t - m l θ'' cos θ / M.
    4. Euler: place and angle move by the old speeds times τ, the speeds by the accelerations times τ.

    It ends beyond 2.4 m or 12 degrees, and after 500 steps. Source: Barto, Sutton and Anderson (1983), Neuronlike
    adaptive elements that can solve difficult learning control problems; the limits are those of CartPole-v1.

    >>> world = CartPole()
    >>> observation, info = world.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = world.step(1)
    >>> reward, terminated, truncated
    (1.0, False, False)
    """

    observation_space, action_space, step_limit = Box((4,)), Discrete(2), 500
    gravity, cart_mass, pole_mass, half_length, push, tau = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
    place_limit, angle_limit = 2.4, math.radians(12)

    def __init__(self, sutton_barto_reward: bool = False) -> None:
        super().__init__()
        self.sutton_barto_reward = sutton_barto_reward

    def begin(self) -> Array:
        """Nearly upright, nearly at rest."""
        self.state = tuple(map(float, self.np_random.uniform(-0.05, 0.05, 4)))
        return np.array(self.state, "float32")

    def move(self, action: int) -> tuple[Array, float, bool]:
        """One Euler step of τ seconds."""
        x, speed, angle, turning = self.state
        mass, pole = self.cart_mass + self.pole_mass, self.pole_mass * self.half_length
        cosine, sine = math.cos(angle), math.sin(angle)
        t = ((self.push if action == 1 else -self.push) + pole * turning**2 * sine) / mass
        inertia = self.half_length * (4 / 3 - self.pole_mass * cosine**2 / mass)
        angular = (self.gravity * sine - t * cosine) / inertia
        linear = t - pole * angular * cosine / mass
        self.state = (
            x + self.tau * speed, speed + self.tau * linear, angle + self.tau * turning, turning + self.tau * angular,
        )  # fmt: skip
        fallen = abs(self.state[0]) > self.place_limit or abs(self.state[2]) > self.angle_limit
        reward = -float(fallen) if self.sutton_barto_reward else 1.0
        return np.array(self.state, "float32"), reward, fallen


class GridWorld(Environment):
    """A floor plan: from S to G by single steps up, right, down or left (0 to 3), around the walls #. Reward -1 a step.

    A step against a wall or the border leads nowhere. The observation is one-hot: a 1 at the cell where one stands,
    row after row.

    Arguments:
        plan: lines of S, G, # and . of one length.
        step_limit: steps after which an episode is truncated.

    >>> world = GridWorld(["S.", "#G"])
    >>> world.reset(seed=0)[0].tolist(), world.step(1)[0].tolist()
    ([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0])
    >>> world.distances().tolist()
    [[2.0, 1.0], [inf, 0.0]]
    """

    PLAN = (
        "S.#...",
        "..#.#.",
        "....#.",
        ".##.#.",
        "..#...",
        "#...#G",
    )
    MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
    ARROWS = "↑→↓←"
    action_space = Discrete(len(MOVES))

    def __init__(self, plan: Any = PLAN, step_limit: int = 100) -> None:
        super().__init__()
        self.plan, self.step_limit = tuple(plan), step_limit
        text = "".join(self.plan)
        if len({len(line) for line in self.plan}) != 1 or not set(text) <= set("SG#."):
            raise ArgumentError(
                "GridWorld: plan", expected="lines of S, G, # and . of one length", received=self.plan,
                fix="fill short lines with # or .",
            )  # fmt: skip
        if text.count("S") != 1 or text.count("G") != 1:
            raise ArgumentError(
                "GridWorld: a plan has one start S and one goal G", received=self.plan, fix="for example ['S.', '.G']"
            )
        self.width = len(self.plan[0])
        self.start, self.goal = divmod(text.index("S"), self.width), divmod(text.index("G"), self.width)
        self.observation_space = Box((len(text),))
        if not np.isfinite(self.distances()[self.start]):
            raise ArgumentError("GridWorld: no way leads from S to G", received=self.plan, fix="take out a wall #")

    def begin(self) -> Array:
        """At the start S."""
        self.cell = self.start
        return self.seen_from(self.cell)

    def move(self, action: int) -> tuple[Array, float, bool]:
        """One step, which costs 1; it ends at the goal G."""
        self.cell = self.beside(self.cell, action)
        return self.seen_from(self.cell), -1.0, self.cell == self.goal

    def beside(self, cell: tuple[int, int], action: int) -> tuple[int, int]:
        """Where a step leads."""
        row, column = cell[0] + self.MOVES[action][0], cell[1] + self.MOVES[action][1]
        inside = 0 <= row < len(self.plan) and 0 <= column < self.width
        return (row, column) if inside and self.plan[row][column] != "#" else cell

    def seen_from(self, cell: tuple[int, int]) -> Array:
        """The observation at a cell."""
        seen = np.zeros(self.observation_space.shape, "float32")
        seen[cell[0] * self.width + cell[1]] = 1
        return seen

    def cells(self) -> list[tuple[int, int]]:
        """All cells that are no wall."""
        return [(r, c) for r, line in enumerate(self.plan) for c, mark in enumerate(line) if mark != "#"]

    def distances(self) -> Array:
        """Steps from every cell to the goal by the shortest way, found by flooding the plan from there."""
        steps = np.full((len(self.plan), self.width), np.inf)
        front, distance = {self.goal}, 0
        while front:
            for cell in front:
                steps[cell] = distance
            # every step between two cells can be taken back, so what one reaches from a cell also leads to it
            front = {self.beside(cell, action) for cell in front for action in range(self.action_space.n)}
            front = {cell for cell in front if np.isinf(steps[cell])}
            distance += 1
        return steps


WORLDS: dict[str, type[Environment]] = {"CartPole-v1": CartPole, "GridWorld-v0": GridWorld}


def make(id: str, gymnasium: bool = False, **settings: Any) -> Any:
    """A world by its name.

    Arguments:
        gymnasium: take Gymnasium's own world, where that package is installed, in place of the built-in one.
        settings: arguments of the world.

    >>> make("CartPole-v1").action_space.n
    2
    """
    if gymnasium:
        try:
            return importlib.import_module("gymnasium").make(id, **settings)
        except ModuleNotFoundError:
            raise GlassnetError(
                "make: Gymnasium is not installed", fix="pip install gymnasium, or take the built-in world"
            ) from None
    if id not in WORLDS:
        raise ArgumentError(
            "make: there is no such world", expected=", ".join(WORLDS), received=repr(id), fix=did_you_mean(id, WORLDS)
        )
    return WORLDS[id](**settings)
