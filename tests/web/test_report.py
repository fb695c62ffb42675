"""The report of a run: its counts are those of the test set, and the pictures behind a count are as many as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassnet as gn
from glassnet.explain.report import Judgement, report_page

DATA = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
EVIL = "</script><img src=x onerror=document.title='pwned'>"


def classifier(images: int = 60) -> tuple[Any, Judgement]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 17, (images, 4, 4)).astype("uint8")
    x[:, 0, 0] = 0
    model = gn.Sequential([gn.layers.Flatten(), gn.layers.Dense(3, name="first"), gn.layers.Activation("softmax")])
    outputs = model.predict(x)
    return model, Judgement(x, rng.integers(0, 3, images), outputs, ["a", "b", EVIL], (4, 4))


def data_of(page: str) -> Any:
    return json.loads(DATA.search(page)[1])


def test_counts_are_those_of_the_test_set():
    model, judgement = classifier()
    data = data_of(report_page(model, judgement, {}, title="t"))
    counts = np.array(data["counts"])
    assert counts.sum() == len(judgement.x)
    for truth in range(3):
        for said in range(3):
            assert counts[truth, said] == ((judgement.targets == truth) & (judgement.said == said)).sum()


def test_the_worst_mistakes_come_first_and_are_mistakes():
    model, judgement = classifier()
    data = data_of(report_page(model, judgement, {}, title="t"))
    worst = [data["judged"][place] for place in data["worst"]]
    assert all(one["truth"] != one["said"] for one in worst)
    shares = [judgement.outputs[one["sample"]].max() for one in worst]
    assert shares == sorted(shares, reverse=True)
    wrong = judgement.said != judgement.targets
    assert shares[0] == judgement.outputs[wrong].max()


def test_numbers_that_are_not_finite_leave_a_gap_in_the_curve():
    model, judgement = classifier()
    history = {"loss": [1.0, float("nan"), float("inf")], "val_loss": [2.0, 1.5, 1.0]}
    (chart,) = data_of(report_page(model, judgement, history, title="t"))["charts"]
    assert [series["name"] for series in chart["series"]] == ["training", "validation"]
    assert chart["series"][0]["points"] == [[1, 1.0], [2, None], [3, None]]


def test_predicted_numbers_are_listed_the_furthest_off_first():
    model = gn.Sequential([gn.layers.Dense(1)])
    x = np.ones((4, 2), "float32")
    model(x)
    judgement = Judgement(x, np.array([[1.0], [2], [3], [4]]), np.array([[1.5], [2], [0], [4.25]]), columns=["u", "v"])
    rows = data_of(report_page(model, judgement, {}, title="t"))["rows"]
    assert rows["columns"] == ["sample", "true", "said", "off by", "u", "v"]
    assert [row[:4] for row in rows["cells"]][:2] == [["2", "3", "0", "−3"], ["0", "1", "1.5", "0.5"]]


@pytest.fixture(params=["light", "dark"])
def report(request: Any, open_page: Callable[..., Any]) -> tuple[Any, Judgement]:
    model, judgement = classifier()
    history = {"loss": [1.0, 0.5, 0.25], "val_loss": [1.0, 0.75, float("nan")]}
    text = report_page(
        model, judgement, history, title=EVIL, facts=[("test accuracy", "33 %")], commands=["glassnet train x"],
        explained=("explain-3.html", "a mistake"), x_train=judgement.x,
    )  # fmt: skip
    page = open_page(text, color_scheme=request.param)
    page.wait_for_selector(".unitgrid canvas")
    return page, judgement


def test_the_images_behind_a_count_are_as_many_as_it_says(report: tuple[Any, Judgement]):
    page, judgement = report
    for truth in range(3):
        for said in range(3):
            count = int(((judgement.targets == truth) & (judgement.said == said)).sum())
            cell = page.locator(".confusion-table tbody tr").nth(truth).locator("td").nth(said).locator("button")
            assert cell.inner_text() == (str(count) if count else "·")
            if count:
                cell.click()
                behind = page.locator(".report-behind .imagegrid-button").count()
                more = page.locator(".report-behind .label").all_inner_texts()
                assert behind + sum(int(re.search(r"\d+", text)[0]) for text in more) == count


def test_names_stay_text_and_links_lead_to_the_explained_mistake(report: tuple[Any, Judgement]):
    page, _ = report
    assert page.title() == EVIL == page.locator("h1").inner_text()
    assert page.locator("img").count() == 0
    assert page.locator("a", has_text="a mistake").get_attribute("href") == "explain-3.html"
    assert "384" not in page.locator(".legend").last.inner_text()
    assert "3 never trained" in page.locator(".unitgrid").inner_text()  # one pixel, three units


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(report: tuple[Any, Judgement], width: int):
    page, _ = report
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(FRAMES)  # drawings follow the window's width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('body *')].filter(n => n.childNodes.length && n.textContent.trim()"
        " && !['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(n.tagName)).map(n => parseFloat(getComputedStyle(n).fontSize)))"
    )
    assert smallest >= 12


def test_the_confusions_of_ten_classes_fit_a_phone(new_page: Callable[..., Any], tmp_path: Path):
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(10), 900)
    said = np.where(rng.random(len(truth)) < 0.9, truth, rng.integers(0, 10, len(truth)))
    model = gn.Sequential([gn.Input((4, 4)), gn.layers.Flatten(), gn.layers.Dense(10)])
    judgement = Judgement(np.ones((len(truth), 4, 4), "uint8"), truth, np.eye(10)[said], list("0123456789"), (4, 4))
    path = tmp_path / "report.html"
    path.write_text(report_page(model, judgement, {}, title="t"), encoding="utf-8")
    page = new_page(viewport={"width": 390, "height": 844})
    page.goto(path.as_uri())
    table = page.locator(".confusion")
    table.wait_for()
    assert table.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0
    boxes = table.locator("tbody button").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 100
    assert min(min(box["width"], box["height"]) for box in boxes) >= 24
