"""Whole Keras scripts run after one changed line and train to the same numbers.

The scripts and the numbers that Keras itself gets stand in `keras_scripts/`; `make_expected.py` there renews them.
"""

from __future__ import annotations

import json

import pytest
from keras_scripts.make_expected import FOLDER, JSON_FILE, SCRIPTS, run_script

from glassnet.layers.base import clear_session
from glassnet.seeds import set_random_seed

EXPECTED = json.loads(JSON_FILE.read_text(encoding="utf-8"))["scripts"]


def test_every_script_has_numbers_from_keras():
    assert len(SCRIPTS) >= 10
    assert set(EXPECTED) == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_trains_to_the_losses_that_keras_gets(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clear_session()
    set_random_seed(1)  # weights come from the script's own seed
    found = run_script(name, "glassnet")
    assert set(found) == set(EXPECTED[name])
    for key, values in EXPECTED[name].items():
        assert found[key] == pytest.approx(values, rel=1e-4), key


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_names_no_library_but_keras_and_numpy(name):
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()
    imports = [line for line in lines if line.strip().startswith(("import ", "from "))]
    assert set(imports) <= {"import keras", "import numpy as np"}
