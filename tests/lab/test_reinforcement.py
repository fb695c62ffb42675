"""Reinforcement learning: returns, draws and goals by their definitions; small worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.lab import reinforcement as rl
from glassnet.lab.environments import Box, Discrete, Environment, GridWorld
from glassnet.utils import set_random_seed


class Bandit(Environment):
    """One step: the second of three arms pays 1, the others nothing."""

    observation_space, action_space, step_limit = Box((1,)), Discrete(3), 1

    def begin(self):
        return np.ones(1, "float32")

    def move(self, action: int):
        return np.ones(1, "float32"), float(action == 1), True


def test_a_return_is_the_discounted_sum_of_what_follows() -> None:
    rewards = np.random.default_rng(0).normal(size=9)
    expected = [sum(0.9 ** (k - t) * rewards[k] for k in range(t, 9)) for t in range(9)]
    np.testing.assert_allclose(rl.returns(rewards, 0.9), expected, rtol=1e-5)


def test_actions_are_drawn_by_the_policys_softmax() -> None:
    policy = rl.network(Bandit(), [], 3, "tanh")
    logits = np.array([1.0, 0.0, -1.0])
    policy.set_weights([np.zeros((1, 3)), logits])
    act = rl.draw(policy, np.random.default_rng(0))
    drawn = np.bincount([act(np.ones(1, "float32")) for _ in range(4000)], minlength=3) / 4000
    np.testing.assert_allclose(drawn, np.exp(logits) / np.exp(logits).sum(), atol=0.03)  # four standard errors


def test_an_episode_is_what_the_world_gave() -> None:
    observations, actions, rewards = rl.play(GridWorld(["S.G"]), lambda _: 1)
    assert (observations.tolist(), actions.tolist(), rewards.tolist()) == ([[1, 0, 0], [0, 1, 0]], [1, 1], [-1, -1])


def test_reinforce_moves_towards_what_paid_and_expects_the_mean() -> None:
    set_random_seed(0)
    agent = rl.Reinforce(Bandit(), 0.05, [], np.random.default_rng(0))
    agent.baseline.set_weights([np.ones((1, 1)), np.zeros(1)])
    for _ in range(60):
        agent.learn(episodes=20)
    logits = rl.ask(agent.policy, np.ones(1, "float32"))
    assert np.exp(logits[1]) / np.exp(logits).sum() > 0.9
    assert abs(rl.ask(agent.baseline, np.ones(1, "float32"))[0] - (1 - rl.DISCOUNT)) < 0.1  # from 1 down to 0.01


def test_dqn_finds_the_values_of_bellmans_equation() -> None:
    set_random_seed(0)
    world = GridWorld(["S.", "#G"])
    agent = rl.Dqn(world, 0.01, [16], np.random.default_rng(0), following=0.05)
    agent.explore(300, epsilon=1.0)
    for _ in range(500):
        agent.learn()
    best = {cell: -(1 - 0.99 ** world.distances()[cell]) / (1 - 0.99) for cell in world.cells()}
    for cell in set(world.cells()) - {world.goal}:
        wanted = [-1 + 0.99 * best[world.beside(cell, action)] for action in range(4)]
        np.testing.assert_allclose(rl.ask(agent.values, world.seen_from(cell)), wanted, atol=0.05)
    np.testing.assert_array_equal(rl.way_through(world, rl.best(agent.values)), world.distances())
    assert rl.arrows(world, rl.best(agent.values)) == "→ ↓\n# G"


def test_the_end_of_the_time_is_not_the_end_of_the_world() -> None:
    agent = rl.Dqn(GridWorld(["S..G"], step_limit=2), 0.01, [], np.random.default_rng(0), memory=10)
    agent.explore(4, epsilon=1.0)  # two episodes, neither of which can arrive
    np.testing.assert_array_equal(agent.replay.going_on[:4], 1)
    arrive = rl.Dqn(GridWorld(["SG"], step_limit=50), 0.01, [], np.random.default_rng(0), memory=10)
    while arrive.observation is not None or arrive.replay.count == 0:
        arrive.explore(1, epsilon=1.0)
    assert arrive.replay.going_on[arrive.replay.count - 1] == 0


def test_the_target_goes_a_share_of_the_way_after_every_batch() -> None:
    agent = rl.Dqn(GridWorld(["S.G"]), 0.1, [3], np.random.default_rng(0), following=0.25)
    agent.explore(20, epsilon=1.0)
    before = agent.target.get_weights()
    for start, ahead in zip(before, agent.values.get_weights(), strict=True):
        np.testing.assert_array_equal(start, ahead)
    agent.learn()
    for start, ahead, found in zip(before, agent.values.get_weights(), agent.target.get_weights(), strict=True):
        np.testing.assert_allclose(found, start + 0.25 * (ahead - start), rtol=1e-5, atol=1e-7)
    assert not np.array_equal(before[0], agent.target.get_weights()[0])


def test_the_memory_forgets_the_oldest() -> None:
    replay = rl.Replay(GridWorld(["SG"]), size=3)
    for reward in range(5):
        replay.add(np.eye(2)[0], 1, reward, np.eye(2)[1], terminated=reward == 4)
    _, actions, rewards, _, going_on = replay.sample(200, np.random.default_rng(0))
    assert set(zip(actions.tolist(), rewards.tolist(), going_on.tolist(), strict=True)) == {
        (1, 2, 1),
        (1, 3, 1),
        (1, 4, 0),
    }


@pytest.mark.parametrize("plan", [["SG"], ["S#", ".G"]])
def test_a_way_that_never_arrives_is_infinite(plan: list[str]) -> None:
    world = GridWorld(plan)
    lengths = rl.way_through(world, lambda _: 0)
    assert [cell for cell in world.cells() if np.isfinite(lengths[cell])] == [world.goal]
