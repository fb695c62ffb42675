"""JavaScript without comments, indentation and needless spaces: a page needs 40 % less of it, and it still has its lines.

Only the gaps between tokens change, so strings, templates and regular expressions have to be told from code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_GAP = r"(?P<gap>(?:\s|//[^\n]*|/\*.*?\*/)+)"
_VALUE = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d[\w.]*|\.?[\w$]+|\+\+|--"""
_PATTERN = r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*"
_AFTER_A_VALUE = re.compile(rf"{_GAP}|(?P<value>{_VALUE})|.", re.DOTALL)
_ELSEWHERE = re.compile(rf"{_GAP}|(?P<value>{_VALUE}|{_PATTERN})|.", re.DOTALL)
_TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{|\Z)", re.DOTALL)
_PARTED = re.compile(r"[\w$]{2}|\d\.|(?P<sign>[-+/])(?P=sign)|/\*|<!")
"""Two letters between which a space has to stay."""
_NO_VALUE = re.compile("await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield")


def compact(script: str) -> str:
    r"""The same program; a run of white space and comments is one line break, or within a line one space, if that parts words.

    A slash after `)` or `}` divides: no statement may begin with a regular expression.

    >>> compact("f(a) / 2; // half\n\n    g(`/* ${ /[/*]/.source } */`); /* two\n lines */ h();\n")
    'f(a)/2;\ng(`/* ${/[/*]/.source} */`);\nh();\n'
    """
    return "".join(_tokens(script)).lstrip()


def _tokens(script: str) -> Iterator[str]:
    """The tokens in order, and what is left of the gaps between them."""
    place, after_a_value, before = 0, False, ""
    braces: list[str] = []  # the open ones: "{", or "${" of a template
    while place < len(script):
        in_template = script[place] == "`" or (script[place] == "}" and braces and braces.pop() == "${")
        form = _TEMPLATE if in_template else _AFTER_A_VALUE if after_a_value else _ELSEWHERE
        match = form.match(script, place)
        assert match is not None  # any character is a token
        place, text = match.end(), match.group()
        if match.lastgroup == "gap":
            yield "\n" if "\n" in text else " " if _PARTED.fullmatch(before + script[place : place + 1]) else ""
            continue
        before = text[-1]
        if text == "{" or (in_template and text.endswith("${")):
            braces.append(text[-2:])
        after_a_value = (match.lastgroup == "value" and not _NO_VALUE.fullmatch(text)) or text[-1] in ")]}`"
        yield text
