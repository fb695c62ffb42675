"""Episodes of Gymnasium's CartPole-v1: `pip install gymnasium==1.4.0 && python make_cartpole.py` writes cartpole.npz."""

from pathlib import Path

import gymnasium
import numpy as np


def episode(seed: int, balanced: bool) -> dict[str, np.ndarray]:
    """Observations, actions, rewards and ends of one episode."""
    world, rng = gymnasium.make("CartPole-v1"), np.random.default_rng(seed)
    observation, _ = world.reset(seed=seed)
    observations, actions, ends = [observation], [], []
    while not ends or not any(ends[-1]):
        push = int(0.1 * observation[0] + 0.3 * observation[1] + 2 * observation[2] + observation[3] > 0)
        actions.append(push if balanced else int(rng.integers(2)))
        observation, reward, terminated, truncated, _ = world.step(actions[-1])
        assert reward == 1
        observations.append(observation)
        ends.append((terminated, truncated))
    return {"observations": np.array(observations), "actions": np.array(actions), "ends": np.array(ends)}


if __name__ == "__main__":
    episodes = {f"{seed}_{balanced}": episode(seed, balanced) for seed in range(3) for balanced in (False, True)}
    arrays = {f"{name}/{part}": array for name, parts in episodes.items() for part, array in parts.items()}
    np.savez_compressed(Path(__file__).with_name("cartpole.npz"), **arrays)
