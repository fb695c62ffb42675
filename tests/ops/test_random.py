"""Random ops: contract table."""

from __future__ import annotations

import numpy as np

from glassnet.ops.random import Dropout

from helpers.contract import Case, contract_test

U = np.linspace(0.02, 0.97, 12).reshape(3, 4)  # keeps a distance from the rate, where the mask jumps

test_contract = contract_test([Case(Dropout(0.3), (3, 4), U)])
