"""Writes `expected.json`: what every script of this folder reports when it runs with Keras itself.

    KERAS_BACKEND=torch PYTHONPATH=src python tests/keras_scripts/make_expected.py

needs Keras and torch (the extra `peers`); the tests need only the JSON. A script is a whole Keras program that begins
with `import keras`. Its `main(digits, weights)` trains on the digits from seeded weights, without shuffling, and
returns what `fit` recorded: a list of numbers per name. To run it with another library, that one line is replaced.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.datasets import digits

FOLDER = Path(__file__).parent
JSON_FILE = FOLDER / "expected.json"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path != Path(__file__))

Record = dict[str, list[float]]


def seeded_weights() -> Callable[[Any], None]:
    """A function that gives a model the same first weights whichever library it was made with.

    Kernels get normal numbers of variance 1 / inputs, all axes but the last counted as inputs; vectors (biases,
    scales, statistics) keep what both libraries start with.
    """
    rng = np.random.default_rng(0)

    def draw(array: np.ndarray) -> np.ndarray:
        if array.ndim < 2:
            return array
        return (rng.standard_normal(array.shape) / np.sqrt(np.prod(array.shape[:-1]))).astype("float32")

    def weights(model: Any) -> None:
        model.set_weights([draw(array) for array in model.get_weights()])

    return weights


def run_script(name: str, package: str) -> Record:
    """Run `main` of a script with `import keras` replaced by an import of `package` as keras."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    changed = text.replace("\nimport keras\n", f"\nimport {package} as keras\n")
    if changed.count(f"import {package} as keras") != 1:
        raise ValueError(f"{name}.py must contain the line `import keras` once")
    namespace: dict[str, Any] = {"__name__": f"keras_script_{name}"}
    exec(compile(changed, str(FOLDER / f"{name}.py"), "exec"), namespace)
    record = namespace["main"](digits.load_data(), seeded_weights())
    return {key: [float(value) for value in values] for key, values in record.items()}


def main() -> None:
    """Run all scripts with Keras and write the JSON."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some scripts write files
        records = {}
        for name in SCRIPTS:
            keras.utils.clear_session()  # Keras numbers names through a process: auc, auc_1
            records[name] = run_script(name, "keras")
    versions = {"keras": keras.__version__, "backend": keras.config.backend()}
    text = json.dumps({**versions, "scripts": records}, indent=1)
    JSON_FILE.write_text(text + "\n", encoding="utf-8")
    for name, record in records.items():
        print(f"{name:28} {', '.join(f'{value:.4f}' for value in record['loss'])}")


if __name__ == "__main__":
    main()
