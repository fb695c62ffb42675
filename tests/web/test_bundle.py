"""One file from many modules: in order, under one hash, with nothing outside it and nothing that data could break."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from glassnet.errors import GraphError
from glassnet.web import bundle as bundler
from glassnet.web.bundle import bundle

WEB = Path(str(resources.files("glassnet.web")))
MODULES = sorted(path.name for path in WEB.glob("*.js"))
NAMESPACES = re.compile(r"http://www\.w3\.org/(1998/Math/MathML|2000/svg|1999/xlink|1999/xhtml)")


@pytest.fixture
def pretend(monkeypatch):
    """Bundles made of given texts instead of the package's files."""

    def given(**modules: str) -> None:
        texts = {name.replace("_", "."): text for name, text in modules.items()}
        monkeypatch.setattr(bundler, "_source", {"theme.css": "", **texts}.__getitem__)

    return given


def script_of(page: str) -> str:
    return re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL).group(1)


def test_modules_run_in_order_each_once(pretend, open_page):
    pretend(
        main_js='import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\n\n'
        "document.title = [...b, a()].join();\n",
        b_js='import { a } from "./a.js";\n\nexport const b = [a(), "b"];\n',
        a_js="let count = 0;\nexport function a() { return `a${(count += 1)}`; }\nexport class Unused {}\n",
    )
    page = bundle("main.js", title="", data={})
    assert open_page(page).title() == "a1,b,a2"
    assert [line for line in page.splitlines() if line.startswith("// ")] == ["// a.js", "// b.js", "// main.js"]


def test_a_page_computes_what_served_modules_compute(pretend, kit, open_page):
    program = """const statements = [{ target: "y", indices: [["dots"]], body: ["call", "erf", [["name", "x"]]] }];
document.title = String(evaluate(statements, { x: { shape: [], data: [0.3] } }).y.data[0]);
"""
    kit_texts = {f"{name}_js": (WEB / f"{name}.js").read_text(encoding="utf-8") for name in ("rules", "language")}
    pretend(main_js='import { evaluate } from "./rules.js";\n' + program, **kit_texts)
    served = f"async () => {{ const {{ evaluate }} = await import('/rules.js');\n{program}}}"
    kit.evaluate(served)
    assert open_page(bundle("main.js", title="", data={})).title() == kit.title() != ""


TRICKY = r"""
const said = []; // a comment with `, ", ' and /
/* one
   of two lines */ let half = (8) / 2 / 2; /* x */ said.push(half);
    said.push("// no comment", '/* nor "this" */', "a\"//b", 'c\\'); // a quote: "
said.push(`two   spaces // stay
    as does the indentation /* ${ [1, 2].map((x) => { return `${ x /* in it */ }//` }).join(" /* ") } */ \` \${ half }`);
said.push("a/b//c".split(/[/]+/gu).length, /"\/\/`[^\]/*]*'/.source, "}".replace(/[}]/, "{ // "));
const of = { typeof: 6, in: 3 };   said.push(of.typeof / of.in / 1, 1. / 2, half++ === 2 ? 1 : /\// .test("/"))
said.push([4][0] / 2 / 1)
const next = () => { return /=/ .test("=") }   // no semicolon: the line break ends the statement
const one = 1; let two = 2;
said.push(one + +two, one - -two, one - --two, two++ + one, 7 .toFixed(1), 8 / /x{4}/.source.length, one < !two, 1 in [5, 6])
said.push(next(), typeof /x/, `${`${"/*"}`}${{ a: "`}" }.a}`)
"""


def test_scripts_without_comments_and_indentation_say_the_same(pretend, kit, open_page):
    pretend(main_js=TRICKY + "document.body.dataset.said = JSON.stringify(said);\n")
    page = bundle("main.js", title="", data={})
    expected = kit.evaluate(f"() => {{ {TRICKY}\nreturn said; }}")
    assert json.loads(open_page(page).locator("body").get_attribute("data-said")) == expected
    assert len(expected) == 24
    assert not re.search(
        r"a comment|one$|/\* x|in it|statement|^ ", script_of(page).replace("\n    as", ""), re.MULTILINE
    )


@pytest.mark.parametrize("entry", ["explain.js", "draw.js", "report.js"])
def test_the_scripts_of_a_page_are_two_fifths_smaller_and_without_a_syntax_error(kit, entry):
    script = script_of(bundle(entry, title="", data={}))
    modules = re.findall(r"^// ([\w-]+\.js)$", script, re.MULTILINE)
    assert len(script) < 0.6 * sum(len((WEB / name).read_text(encoding="utf-8")) for name in modules)
    kit.evaluate("(text) => void new Function(text)", script)


BROKEN = [
    ({"main_js": "const a = 1;\n" + 'import { b } from "./b.js";\n', "b_js": "export const b = 1;\nfunction a() {}\n"},
     "'a' is a top-level name of b.js and of main.js"),
    ({"main_js": 'import { c } from "./b.js";\n', "b_js": "export const b = 1;\nconst c = 2;\n"},
     r"main.js imports what b.js does not export\n.*\['c'\]"),
    ({"main_js": 'import { b } from "./b.js";\n', "b_js": 'import { a } from "./main.js";\nexport const b = 1;\n'},
     "modules import each other\n.*main.js -> b.js -> main.js"),
    ({"main_js": 'import b from "./b.js";\n'}, 'main.js: a form of import.*\n.*\n.*import b from "./b.js";'),
    ({"main_js": 'import { a as b } from "./b.js";\n', "b_js": "export const a = 1;\n"}, "imports what b.js does not"),
    ({"main_js": "export default 3;\n"}, "a form of import, export or declaration.*\n.*\n.*export default"),
    ({"main_js": "const { a } = window;\n"}, "a form of import, export or declaration"),
    ({"main_js": 'const a = "</script>";\n'}, "main.js: a module or style sheet would end its own element"),
    ({"main_js": "", "theme_css": "/* </style> */"}, "would end its own element"),
]  # fmt: skip


@pytest.mark.parametrize(("modules", "text"), BROKEN)
def test_what_cannot_be_inlined_is_refused(pretend, modules, text):
    pretend(**modules)
    with pytest.raises(GraphError, match=text):
        bundle("main.js", title="", data={})


HOSTILE = '</script><script>document.title = "broken"</script><!-- & \u2028 \u2029 <img src=x onerror=alert(1)>'


def test_text_from_data_and_titles_stays_text(pretend, open_page):
    pretend(main_js='document.body.append(JSON.parse(document.getElementById("trace").textContent).name);\n')
    page = open_page(bundle("main.js", title=HOSTILE, data={"trace": {"name": HOSTILE}}, language='"><b>'))
    assert page.title() == HOSTILE
    assert page.locator("body").inner_text().endswith(HOSTILE)
    assert page.locator("script:not([type='application/json']):not([type='module']), img, b").count() == 0


def test_not_a_number_is_refused_because_json_cannot_say_it(pretend):
    pretend(main_js="")
    with pytest.raises(ValueError, match="Out of range float values"):
        bundle("main.js", title="", data={"trace": float("nan")})


def test_the_policy_allows_this_script_and_nothing_else(pretend, open_page):
    pretend(main_js='document.title = "ran";\n')
    page = bundle("main.js", title="", data={})
    digest = base64.b64encode(hashlib.sha256(script_of(page).encode()).digest()).decode()
    assert (
        f"content=\"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:\""
        in page
    )
    assert open_page(page).title() == "ran"


def test_a_changed_script_does_not_run(pretend, new_page, tmp_path):
    pretend(main_js='document.title = "ran";\n')
    (tmp_path / "page.html").write_text(bundle("main.js", title="quiet", data={}).replace('"ran"', '"run"'))
    refusals: list[Any] = []
    page = new_page(expect_problems=refusals)
    page.goto((tmp_path / "page.html").as_uri())
    assert page.title() == "quiet"
    assert "Content Security Policy" in refusals[0]


FORBIDDEN = re.compile(
    r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bimport\(|\bfetch\(|XMLHttpRequest"
)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_inlined_and_reaches_for_nothing(name):
    styles = sorted(path.name for path in WEB.glob("*.css"))
    page = bundle(name, title="", data={}, styles=styles)
    assert page == bundle(name, title="", data={}, styles=styles)
    assert "http:" not in NAMESPACES.sub("", page)
    assert "https:" not in page
    code = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", script_of(page), flags=re.DOTALL | re.MULTILINE)
    assert not FORBIDDEN.search(code)


def test_the_modules_types_and_the_stylesheets_are_part_of_the_package():
    assert {"rules.js", "formula.js", "theme.css", "jsconfig.json"} <= {path.name for path in WEB.iterdir()}


def test_without_a_browser_ci_fails_and_a_developer_is_told(monkeypatch, request):
    missing = request.config.pluginmanager.get_plugin(str(Path(__file__).with_name("conftest.py"))).missing
    monkeypatch.setenv("CI", "1")
    with pytest.raises(
        pytest.fail.Exception, match=r"page tests need Chromium and `pip install playwright`: no reason"
    ):
        missing("no reason")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="page tests need Chromium"):
        missing("no reason")
