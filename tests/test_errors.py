"""The classic mistakes, and the whole text with which glassnet answers each: `golden/errors.txt`.

    PYTHONPATH=src python tests/test_errors.py --update

rewrites the file; the difference then shows how a text has changed. The mistakes: `golden/mistakes.py` and
`golden/brick_mistakes.py`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from golden.brick_mistakes import CASES
from golden.mistakes import Case, rows

import glassnet as gn
from glassnet import errors
from glassnet.errors import GlassnetError
from glassnet.layers.base import clear_session

GOLDEN = Path(__file__).parent / "golden" / "errors.txt"

NOT_THE_SAME_EVERYWHERE = re.compile(rf"{re.escape(str(Path(__file__).parent))}[/\\\\]|(?<=\.py):\d+| at 0x\w+")
"""The folder of this file, line numbers, memory addresses."""


# ---------------------------------------------------------------- the test


def text_of(mistake: Case) -> str:
    """The type and the whole text of the error, or what happens instead of one."""
    clear_session()
    gn.utils.set_random_seed(0)
    try:
        result = mistake()
    except GlassnetError as error:
        return f"{type(error).__name__}\n{NOT_THE_SAME_EVERYWHERE.sub('', str(error))}"
    except Exception as error:
        return f"NOT OURS {type(error).__name__}\n{error}"
    return f"NO ERROR\n{result!r}"


def golden_blocks() -> dict[str, str]:
    """The golden texts by case."""
    blocks = GOLDEN.read_text(encoding="utf-8").strip().split("\n\n")
    return {head.removeprefix("# "): text for head, text in (block.split("\n", 1) for block in blocks)}


@pytest.mark.parametrize("name", CASES)
def test_the_mistake_gets_exactly_this_answer(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert text_of(CASES[name]) == golden_blocks()[name]


def test_every_answer_says_how_to_mend_the_mistake():
    assert [name for name, text in golden_blocks().items() if "\n  fix:  " not in text] == []


def test_there_are_as_many_answers_as_cases_and_each_is_an_error_of_ours():
    blocks = golden_blocks()
    assert list(blocks) == list(CASES)
    for name, text in blocks.items():
        assert issubclass(getattr(errors, text.split("\n")[0]), GlassnetError), name


def test_a_subclass_may_call_its_last_layer_output():
    class Net(gn.Model):
        def __init__(self):
            super().__init__()
            self.output = gn.layers.Dense(2)  # the name of a property of models

        def call(self, inputs):
            return self.output(inputs)

    assert Net()(rows()).shape == (8, 2)
    assert isinstance(gn.Sequential([gn.Input((3,)), gn.layers.Dense(2)]).output, gn.Tensor)


def update() -> None:
    """Rewrite the golden file."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        blocks = [f"# {name}\n{text_of(mistake)}\n" for name, mistake in CASES.items()]
    GOLDEN.write_text("\n".join(blocks), encoding="utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    update()
