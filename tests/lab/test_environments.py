"""The worlds to act in: Gymnasium's numbers for CartPole, the ways through a grid, the interface, error texts."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import ArgumentError, GlassnetError
from glassnet.lab.environments import CartPole, GridWorld, make

GOLDEN = Path(__file__).parents[1] / "golden" / "peers" / "cartpole.npz"


@pytest.mark.parametrize("name", [f"{seed}_{balanced}" for seed in range(3) for balanced in (False, True)])
def test_cartpole_moves_and_ends_as_gymnasiums(name: str) -> None:
    with np.load(GOLDEN) as stored:
        observations, actions, ends = (stored[f"{name}/{part}"] for part in ("observations", "actions", "ends"))
    world = CartPole()
    found, info = world.reset(seed=int(name[0]))
    assert info == {}
    np.testing.assert_array_equal(found, observations[0])
    for action, observation, end in zip(actions, observations[1:], ends, strict=True):
        found, reward, terminated, truncated, _ = world.step(action)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, observation, rtol=1e-5, atol=1e-7)
        assert (reward, terminated, truncated) == (1.0, *end)
    assert len(actions) == 500 or ends[-1][0]


def test_the_stored_episodes_end_in_both_ways() -> None:
    with np.load(GOLDEN) as stored:
        ends = {tuple(stored[name][-1]) for name in stored.files if name.endswith("ends")}
    assert ends == {(True, False), (False, True)}


def test_the_papers_reward_is_minus_1_for_the_fall_and_0_for_all_else() -> None:
    world = make("CartPole-v1", sutton_barto_reward=True)
    world.reset(seed=0)
    steps = [(0.0, False)]
    while not steps[-1][1]:
        steps.append(world.step(1)[1:3])
    assert steps == [(0.0, False)] * (len(steps) - 1) + [(-1.0, True)]


def test_a_seed_decides_this_and_all_later_episodes() -> None:
    first, second = CartPole(), CartPole()
    for world in (first, second):
        world.reset(seed=5)
    np.testing.assert_array_equal(first.reset()[0], second.reset()[0])
    assert not np.array_equal(first.reset()[0], first.reset()[0])


def test_walls_and_borders_stop_a_step() -> None:
    world = GridWorld(["S#", ".G"])
    start = world.reset()[0]
    for action in (0, 1, 3):
        np.testing.assert_array_equal(world.step(action)[0], start)
    np.testing.assert_array_equal(world.step(2)[0], [0, 0, 1, 0])
    observation, reward, terminated, truncated, _ = world.step(1)
    assert (observation.tolist(), reward, terminated, truncated) == ([0, 0, 0, 1], -1.0, True, False)


def test_distances_are_those_of_trying_every_way() -> None:
    world = GridWorld()
    found = world.distances()
    for cell in world.cells():  # Bellman's equation has one solution here
        beside = {world.beside(cell, action) for action in range(4)}
        assert found[cell] == (0 if cell == world.goal else 1 + min(found[other] for other in beside))
    assert np.isinf(found).sum() == "".join(world.plan).count("#")


def test_time_is_up_after_the_step_limit() -> None:
    world = GridWorld(["S.G"], step_limit=3)
    world.reset()
    assert [world.step(0)[3] for _ in range(3)] == [False, False, True]


def test_gymnasiums_own_world_is_taken_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", types.SimpleNamespace(make=lambda id, **given: (id, given)))
    assert make("CartPole-v1", gymnasium=True, max_episode_steps=9) == ("CartPole-v1", {"max_episode_steps": 9})
    assert isinstance(make("CartPole-v1"), CartPole)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(GlassnetError, match=r"Gymnasium is not installed\n  fix: +pip install gymnasium"):
        make("CartPole-v1", gymnasium=True)


def test_a_step_without_an_episode_is_refused() -> None:
    world = GridWorld(["SG"])
    with pytest.raises(ArgumentError, match=r"GridWorld: no episode is going on\n.*step\(1\)\n.*reset\(\) first"):
        world.step(1)
    world.reset()
    world.step(1)
    with pytest.raises(ArgumentError, match="no episode is going on"):
        world.step(1)


@pytest.mark.parametrize("action", [2, -1, 0.5, "left"])
def test_an_unknown_action_is_named(action: object) -> None:
    world = CartPole()
    world.reset()
    with pytest.raises(ArgumentError, match="CartPole: no such action\n  expected: 0 to 1\n  received: "):
        world.step(action)


@pytest.mark.parametrize(
    ("plan", "problem"),
    [(["SG", "."], "plan\n  expected: lines of S, G, # and . of one length"),
     (["S?G"], "lines of S, G, # and"), ([], "lines of S, G"), (["S."], "one start S and one goal G"),
     (["SGG"], "one start"), (["S#G"], "no way leads from S to G")],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused(plan: list[str], problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        GridWorld(plan)


def test_an_unknown_world_is_named_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no such world\n  expected: CartPole-v1, GridWorld-v0\n(.*\n)*.*did you"):
        make("CartPole-v0")
