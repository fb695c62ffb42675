"""One offline HTML file from ES modules: `file://` forbids module imports, so they are ordered and inlined here.

The modules keep to a small part of the language, which is all this needs to understand: named imports from the same
folder and named exports, each at the start of a line. Their top-level names must differ, because they share one scope.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from glassnet.errors import GraphError
from glassnet.web.compact import compact

_IMPORT = re.compile(r'^import \{([^{}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
_NAME = re.compile(r"^(export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)
_REST = re.compile(r"^(?:import\b|export\b|const [\[{]|let [\[{]|var ).*", re.MULTILINE)

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{hash}'; \
style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main id="page"></main>
{data}<noscript>This page computes and draws with JavaScript, which is switched off in this browser.</noscript>
<script type="module">{script}</script>
</body>
</html>
"""


def bundle(
    entry: str,
    *,
    title: str,
    data: Mapping[str, Any],
    styles: Iterable[str] = ("theme.css",),
    language: str = "en",
) -> str:
    r"""A page that runs the module `entry` and all it imports, with nothing outside the file.

    Arguments:
        data: what `<script type="application/json" id=...>` elements hold, by id; anything that JSON can say.
        styles: names of style sheets beside the modules, in the order in which they apply.

    >>> page = bundle("payload.js", title="<b>", data={"trace": {"name": "</script>"}})
    >>> "<title>&lt;b&gt;</title>" in page, '{"name":"\\u003c/script\\u003e"}' in page
    (True, True)
    """
    script = "\n" + "\n".join(_without_modules(name, text) for name, text in _ordered(entry).items())
    style = "\n".join(_source(name) for name in styles)
    if "</script" in script or "<!--" in script or "</style" in style:
        raise GraphError(f"{entry}: a module or style sheet would end its own element", fix="write '<' + '/script>'")
    return _PAGE.format(
        language=html.escape(language),
        title=html.escape(title),
        style=style,
        script=script,
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        data="".join(
            f'<script type="application/json" id="{html.escape(name)}">{_as_json(value)}</script>\n'
            for name, value in data.items()
        ),
    )


def _as_json(value: Any) -> str:
    """JSON in ASCII in which no character means anything to HTML."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(name: str) -> str:
    return resources.files("glassnet.web").joinpath(name).read_text(encoding="utf-8")


def _ordered(entry: str) -> dict[str, str]:
    """Every module that `entry` needs, each after those it imports; names are checked on the way."""
    modules: dict[str, str] = {}
    owner: dict[str, str] = {}  # of each top-level name

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise GraphError("modules import each other", received=" -> ".join([*path, name]))
        if name in modules:
            return
        text = _source(name)
        for names, imported in _IMPORT.findall(text):
            visit(imported, (*path, name))
            exported = {found for export, found in _NAME.findall(modules[imported]) if export}
            missing = {part.strip() for part in names.split(",") if part.strip()} - exported
            if missing:
                raise GraphError(f"{name} imports what {imported} does not export", received=sorted(missing))
        for _, found in _NAME.findall(text):
            if owner.setdefault(found, name) != name:
                raise GraphError(f"{found!r} is a top-level name of {owner[found]} and of {name}", fix="rename one")
        modules[name] = text

    visit(entry, ())
    return modules


def _without_modules(name: str, text: str) -> str:
    """The text with its imports, the word `export`, comments and indentation taken out."""
    text = _EXPORT.sub("", _IMPORT.sub("", text))
    left = _REST.search(text)
    if left:
        raise GraphError(
            f"{name}: a form of import, export or declaration that bundles do not know",
            expected='import { a, b } from "./x.js"; export function|class|const|let name; one name per declaration',
            received=left.group(),
        )
    return f"// {name}\n{compact(text).rstrip()}\n"
