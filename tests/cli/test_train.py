"""`glassnet train`: what it shows, what it keeps, and that an interruption loses nothing."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest_helpers import houses, inside_or_outside, write_csv, write_mnist

import glassnet as gn
from glassnet.cli import recipe, sources

KEPT = {"history.csv", "model.glassnet", "run.json"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
