"""MkDocs hook: the pictures and pages that a docs page's own code saves, made anew at every build.

A page that shows `![words](figure.svg)` or links `(network.html)` is run as the tests run it, and the files that it wrote
stand beside it on the site. A picture without words, or one that no code wrote, ends the build.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from glassnet import config as settings  # after the path is set
from glassnet.layers.base import clear_session
from glassnet.seeds import set_random_seed

BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(?P<picture>!?)\[(?P<words>[^\]]*)\]\((?P<file>[\w-]+\.(?:svg|png|gif|html))\)")


def on_files(files: Any, config: Any) -> Any:
    """Run the pages that show what their code makes, and add those files to the site."""
    for page in [file for file in files if file.src_uri.endswith(".md") and file.abs_src_path]:
        text = Path(page.abs_src_path).read_text(encoding="utf-8")
        shown = [match for match in SHOWN.finditer(text) if f'"{match["file"]}"' in text]
        if not shown:
            continue
        folder = Path(tempfile.mkdtemp())
        run(text, folder)
        for match in shown:
            if match["picture"] and len(match["words"].split()) < 4:
                raise PluginError(f"{page.src_uri}: {match['file']} needs a description in words")
            if not (folder / match["file"]).exists():
                raise PluginError(f"{page.src_uri}: its code did not write {match['file']}")
            place = (Path(page.src_uri).parent / match["file"]).as_posix()
            if files.get_file_from_path(place) is None:
                files.append(File.generated(config, place, abs_src_path=str(folder / match["file"])))
    return files


def run(text: str, folder: Path) -> None:
    """Execute the python blocks of a page in a folder of their own."""
    before, namespace = Path.cwd(), dict[str, Any]()
    clear_session()
    set_random_seed(0)
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for block in BLOCK.finditer(text):
                exec(block["code"], namespace)
    finally:
        os.chdir(before)
        settings.set_floatx("float32")
