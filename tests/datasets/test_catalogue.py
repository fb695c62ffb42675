"""The table of data sets tells the truth, and importing it fetches nothing."""

import subprocess
import sys

import numpy as np
import pytest

from glassnet.datasets import DATASETS, digits


def test_facts_about_digits_are_those_of_the_data():
    info = DATASETS["digits"]
    (x_train, y_train), (x_test, _) = info.load_data()
    assert (len(x_train), len(x_test)) == info.sizes
    assert x_train.shape[1:] == info.shape
    assert x_train.max() == info.max_value
    assert len(np.unique(y_train)) == info.classes
    np.testing.assert_array_equal(x_train, digits.load_data()[0][0])


@pytest.mark.parametrize("name", list(DATASETS))
def test_entry_names_its_classes_its_source_and_its_licence(name):
    info = DATASETS[name]
    assert len(info.class_names) == info.classes == 10
    assert "http" in info.source
    assert info.licence
    assert info.needs_download == (name != "digits")


def test_import_loads_neither_the_network_code_nor_the_data():
    code = "import sys, glassnet.datasets; print(sorted({'http.client', 'urllib.request', 'ssl'} & set(sys.modules)))"
    path = [entry for entry in sys.path if entry]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"], capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]", result.stderr
