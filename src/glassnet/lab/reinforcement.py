"""Learning from rewards alone: REINFORCE and DQN, on CartPole and in a grid world.

Nobody says which action was right; the world only pays. REINFORCE learns what to do: it makes actions likelier that were
followed by more reward than expected. DQN learns what an action is worth: the reward now and the best that can follow.

Acting asks the network about one observation at a time, outside the tape; training is done on batches. Three sets of
episodes never meet: those played while learning, the validation episodes that say when to stop, and the 100 judged at
the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import ops
from glassnet.autograd.functional import no_grad
from glassnet.graph.jit import jit
from glassnet.lab.environments import GridWorld, make
from glassnet.lab.gan import update
from glassnet.lab.row import Row
from glassnet.layers import Dense, Input
from glassnet.losses import huber, sparse_categorical_crossentropy
from glassnet.models import Sequential
from glassnet.optimizers import Adam
from glassnet.typing import Array
from glassnet.utils import set_random_seed

DISCOUNT = 0.99
"""What a reward of the next step is worth now."""
VALIDATION, JUDGED = 1_000_000, 2_000_000
"""The first seeds of the validation episodes and of those that are judged; learning starts with the seed of the run."""

Act = Callable[[Array], int]
"""An observation to an action."""


def network(world: Any, hidden: list[int], outputs: int, activation: str) -> Sequential:
    """An observation to one number per action, or to a single one."""
    layers = [Dense(units, activation) for units in hidden]
    return Sequential([Input(world.observation_space.shape), *layers, Dense(outputs)])


def ask(model: Any, observation: Array) -> Array:
    """The network's numbers for a single observation, without a tape."""
    with no_grad():
        answer: Array = model(observation[None]).numpy()[0]
    return answer


def best(model: Any) -> Act:
    """Always the action with the largest number."""
    return lambda observation: int(ask(model, observation).argmax())


def play(world: Any, act: Act, seed: int | None = None) -> tuple[Array, Array, Array]:
    """One episode: its observations, actions and rewards, step by step."""
    observation, _ = world.reset(seed=seed)
    steps, over = [], False
    while not over:
        action = act(observation)
        following, reward, terminated, truncated, _ = world.step(action)
        steps.append((observation, action, reward))
        observation, over = following, terminated or truncated
    observations, actions, rewards = (np.array(part) for part in zip(*steps, strict=True))
    return observations, actions, rewards


def mean_return(world: Any, act: Act, episodes: int, first_seed: int) -> float:
    """The mean over episodes of the sum of rewards."""
    return float(np.mean([play(world, act, first_seed + number)[2].sum() for number in range(episodes)]))


# ---------------------------------------------------------------- REINFORCE: what to do


def returns(rewards: Array, discount: float = DISCOUNT) -> Array:
    """What followed each step: G[t] = r[t] + discount G[t+1].

    >>> returns(np.array([1.0, 1.0, 1.0]), discount=0.5)
    array([1.75, 1.5 , 1.  ], dtype=float32)
    """
    following, found = 0.0, []
    for reward in rewards[::-1]:
        following = reward + discount * following
        found.append(following)
    return np.array(found[::-1], "float32")


def draw(policy: Any, rng: np.random.Generator) -> Act:
    """An action by the policy's softmax: the largest logit plus Gumbel noise comes up exactly that often."""
    return lambda observation: int((ask(policy, observation) + rng.gumbel(size=policy.output_shape[-1])).argmax())


class Reinforce:
    r"""REINFORCE with a baseline.

    1. The return expected under the policy π is J = Σ over episodes of P(episode) G(episode).
    2. P is a product of π's probabilities and of the world's, which do not depend on the weights. With ∇P = P ∇log P,
       ∇J = E[Σₜ ∇log π(aₜ|sₜ) G].
    3. An action cannot change what was paid before it, so G becomes Gₜ, what followed step t.
    4. A baseline v(s) may be taken off: E[∇log π(a|s)] v(s) = v(s) ∇ Σ π = v(s) ∇1 = 0. The mean stays and the noise
       shrinks. v is a second network that learns to expect Gₜ.

    -log π(a|s) is the cross-entropy of the logits and the action that was taken: a classifier that is told, for every
    one of its guesses, by how much to believe it. Source: Williams (1992), Simple statistical gradient-following
    algorithms for connectionist reinforcement learning.
    """

    def __init__(self, world: Any, rate: float, hidden: list[int], rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        self.policy = network(world, hidden, world.action_space.n, "tanh")
        self.baseline = network(world, hidden, 1, "tanh")
        self.optimizers = Adam(rate), Adam(rate)

    def learn(self, episodes: int) -> float:
        """Play some episodes and learn from all of their steps at once; returns their mean return."""
        act = draw(self.policy, self.rng)
        played = [play(self.world, act) for _ in range(episodes)]
        observations, actions = (np.concatenate([episode[part] for episode in played]) for part in (0, 1))
        followed = np.concatenate([returns(rewards) for _, _, rewards in played]) * (1 - DISCOUNT)  # about 0 to 1
        expected = self.baseline(observations)[:, 0]
        advantage = followed - expected.numpy()
        # its mean is one more baseline; with a spread of 1 the size of a step does not depend on how well it goes
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        surprise = sparse_categorical_crossentropy(actions, self.policy(observations), from_logits=True)
        update(self.policy, self.optimizers[0], ops.mean(surprise * advantage))
        update(self.baseline, self.optimizers[1], ops.mean((expected - followed) ** 2))
        return float(np.mean([rewards.sum() for _, _, rewards in played]))


# ---------------------------------------------------------------- DQN: what an action is worth


class Replay:
    """The last `size` steps, to learn from in any order: neighbours in time are too much alike for a batch."""

    def __init__(self, world: Any, size: int) -> None:
        shape = world.observation_space.shape
        self.size, self.count = size, 0
        self.observations, self.followings = np.zeros((size, *shape), "float32"), np.zeros((size, *shape), "float32")
        self.actions, self.rewards = np.zeros(size, "int64"), np.zeros(size, "float32")
        self.going_on = np.zeros(size, "float32")

    def add(self, observation: Array, action: int, reward: float, following: Array, terminated: bool) -> None:
        """Keep a step, in the place of the oldest."""
        place = self.count % self.size
        self.observations[place], self.followings[place] = observation, following
        self.actions[place], self.rewards[place], self.going_on[place] = action, reward, not terminated
        self.count += 1

    def sample(self, batch: int, rng: np.random.Generator) -> tuple[Array, ...]:
        """Observations, actions, rewards, following observations and whether the episode went on."""
        drawn = rng.integers(min(self.count, self.size), size=batch)
        parts = self.observations, self.actions, self.rewards, self.followings, self.going_on
        return tuple(part[drawn] for part in parts)


class Dqn:
    r"""Deep Q-network: Q(s, a) is the return that follows when a is done in s and the best ever after.

    1. By this meaning (Bellman): Q(s, a) = r + discount · max over a' of Q(s', a'), and Q(s, a) = r where the episode
       ends by the step. Where only its time is up it could have gone on, and the first form holds.
    2. The network is moved towards the right-hand side, for steps drawn from the replay memory, as in a regression.
    3. The right-hand side is computed by the target network, which follows slowly: a goal that moved with every step
       would be chased in circles.
    4. Mostly the best action is done, now and then any other (ε-greedy): what is never tried is never known.

    The Huber loss keeps a single large surprise from moving everything. Sources: Mnih et al. (2015), Human-level control
    through deep reinforcement learning; Lillicrap et al. (2016), Continuous control with deep reinforcement learning,
    for the target that follows.

    Arguments:
        following: the share of the way to the network that the target goes with every batch.
    """

    def __init__(
        self, world: Any, rate: float, hidden: list[int], rng: np.random.Generator, memory: int = 50_000,
        batch: int = 64, following: float = 0.01,
    ) -> None:  # fmt: skip
        self.world, self.rng, self.batch, self.following = world, rng, batch, following
        self.values, self.target = (network(world, hidden, world.action_space.n, "relu") for _ in range(2))
        self.target.set_weights(self.values.get_weights())
        self.replay, self.optimizer = Replay(world, memory), Adam(rate)
        self.learn_batch = jit(self.regress)
        self.observation: Any = None

    def explore(self, steps: int, epsilon: float) -> None:
        """Act for some steps, over the ends of episodes, and remember them; any action with probability `epsilon`."""
        for _ in range(steps):
            if self.observation is None:
                self.observation, _ = self.world.reset()
            anything = self.rng.random() < epsilon
            action = (
                int(self.rng.integers(self.world.action_space.n)) if anything else best(self.values)(self.observation)
            )
            following, reward, terminated, truncated, _ = self.world.step(action)
            self.replay.add(self.observation, action, reward, following, terminated)
            self.observation = None if terminated or truncated else following

    def learn(self) -> None:
        """Move the network towards Bellman's right-hand side, by one batch from the memory."""
        self.learn_batch(*self.replay.sample(self.batch, self.rng))

    def regress(self, observations: Any, actions: Any, rewards: Any, followings: Any, going_on: Any) -> Any:
        """One step of the regression; then the target follows."""
        goals = rewards + DISCOUNT * going_on * ops.max(self.target(followings), axis=-1)
        done = ops.one_hot(actions, self.world.action_space.n)
        found = ops.sum(self.values(observations) * done, axis=-1)
        loss = huber(ops.stop_gradient(goals), found)
        update(self.values, self.optimizer, loss)
        for behind, ahead in zip(self.target.variables, self.values.variables, strict=True):
            behind.assign(behind.value + self.following * (ahead.value - behind.value))
        return loss


# ---------------------------------------------------------------- the rows


def is_solved(act: Act) -> bool:
    """Whether the validation episodes nearly all last to the end."""
    return mean_return(make("CartPole-v1"), act, 20, VALIDATION) >= 495


def judged(act: Act, quick: bool) -> dict[str, Any]:
    """The returns of 100 new episodes of CartPole-v1."""
    world = make("CartPole-v1")
    found = [play(world, act, JUDGED + number)[2].sum() for number in range(3 if quick else 100)]
    return {"mean_return": float(np.mean(found)), "least_return": float(min(found)), "solved": is_solved(act)}


def cartpole_reinforce(seed: int, quick: bool) -> dict[str, Any]:
    """REINFORCE learns to balance; then its likeliest action is judged."""
    set_random_seed(seed)
    rate, hidden, episodes, updates = 0.005, [64], 8, 2 if quick else 200
    world = make("CartPole-v1")
    world.reset(seed=seed)
    agent = Reinforce(world, rate, hidden, np.random.default_rng(seed))
    steps, count = 0.0, 0
    while count < updates and (count % 10 or not is_solved(best(agent.policy))):
        steps += episodes * agent.learn(episodes)
        count += 1
    return {
        "settings": {
            "policy": "4-64-2 tanh, softmax", "baseline": "4-64-1 tanh", "optimizer": f"Adam({rate})",
            "episodes_per_update": episodes, "discount": DISCOUNT,
            "stop": f"20 validation episodes return 495 in the mean, looked at every 10 updates; or {updates} updates",
        },
        "obtained": {**judged(best(agent.policy), quick), "updates": count, "steps": int(steps)},
    }  # fmt: skip


def cartpole_dqn(seed: int, quick: bool) -> dict[str, Any]:
    """DQN learns to balance; then the action of the largest value is judged."""
    set_random_seed(seed)
    rate, hidden, alone, most = 0.001, [64, 64], 1000, 100 if quick else 60_000
    world = make("CartPole-v1", sutton_barto_reward=True)
    world.reset(seed=seed)
    agent = Dqn(world, rate, hidden, np.random.default_rng(seed))
    agent.explore(alone, epsilon=1.0)
    steps = 0
    while steps < most and (steps % 1000 or not is_solved(best(agent.values))):
        agent.explore(2, epsilon=max(0.05, 1 - 0.95 * steps / 5000))
        agent.learn()
        steps += 2
    return {
        "settings": {
            "network": "4-64-64-2 relu", "loss": "huber", "optimizer": f"Adam({rate})", "batch_size": agent.batch,
            "memory": agent.replay.size, "discount": DISCOUNT, "target": f"follows by {agent.following} per batch",
            "epsilon": "1 to 0.05 within 5,000 steps", "learning": f"one batch every 2 steps, after {alone:,} steps",
            "reward": "learnt with the paper's, -1 for the fall; judged with CartPole-v1's, 1 per step",
            "stop": f"20 validation episodes return 495 in the mean, looked at every 1,000 steps; or {most:,} steps",
        },
        "obtained": {**judged(best(agent.values), quick), "steps": alone + steps},
    }  # fmt: skip


def way_through(world: GridWorld, act: Act) -> Array:
    """The length of the way from every cell to the goal, as `act` walks; infinite where it never arrives."""
    lengths = np.full((len(world.plan), world.width), np.inf)
    for start in world.cells():
        cell, steps = start, 0
        while cell != world.goal and steps < world.step_limit:
            cell, steps = world.beside(cell, act(world.seen_from(cell))), steps + 1
        lengths[start] = steps if cell == world.goal else np.inf
    return lengths


def arrows(world: GridWorld, act: Act) -> str:
    """The plan, with the step that `act` does at every cell."""
    lines = [list(line) for line in world.plan]
    for row, column in world.cells():
        if (row, column) != world.goal:
            lines[row][column] = world.ARROWS[act(world.seen_from((row, column)))]
    return "\n".join(" ".join(line) for line in lines)


def grid(seed: int, quick: bool) -> dict[str, Any]:
    """DQN finds the way through a grid, although it always starts in the same corner."""
    set_random_seed(seed)
    rate, hidden, steps, epsilon = 0.003, [64], 100 if quick else 5000, 0.5
    world = GridWorld()
    agent = Dqn(world, rate, hidden, np.random.default_rng(seed))
    agent.explore(100, epsilon=1.0)
    for _ in range(steps):
        agent.explore(1, epsilon)
        agent.learn()
    act = best(agent.values)
    lengths, shortest = way_through(world, act), world.distances()
    walked = int(min(lengths[world.start], world.step_limit))
    right = [lengths[cell] == shortest[cell] for cell in world.cells()]
    return {
        "settings": {
            "network": "36-64-4 relu", "loss": "huber", "optimizer": f"Adam({rate})", "batch_size": agent.batch,
            "discount": DISCOUNT, "target": f"follows by {agent.following} per batch", "epsilon": epsilon, "steps": steps,
        },
        "obtained": {
            "walked": walked, "shortest": int(shortest[world.start]),
            "excess_steps": walked - int(shortest[world.start]), "optimal_cells": 100 * float(np.mean(right)),
            "text": arrows(world, act),
        },
    }  # fmt: skip


WISH = "The Independent Code, viewers"
ROWS = {
    Row("RL1", WISH, "asked for: reinforcement learning", "mean_return >= 475"): cartpole_reinforce,
    Row("RL2", WISH, "asked for: deep Q-learning", "mean_return >= 475"): cartpole_dqn,
    Row("RL3", WISH, "asked for: what it learnt, shown", "excess_steps == 0, optimal_cells >= 95"): grid,
}
