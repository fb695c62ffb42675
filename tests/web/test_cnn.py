"""The explain page of networks on images: maps, filters, patches and what passes back through them.

Oracles: the layers themselves, NumPy's sums over windows, central differences, and the arrays of the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from web.viewkit import DONE, MOST_NODES, SIZES, every_step, findings, go, most_nodes, number, texts, walk

import glassnet as gn
from glassnet.explain import explain
from glassnet.explain.route import strongest_route
from glassnet.explain.trace import replay

L = gn.layers
Z, A, POOLED, KERNEL = "conv/biased_convolution", "conv/relu", "pool/max_pooling.y", "conv/kernel@0"
PATCHES = """() => [...document.querySelectorAll("[data-testid=patch] .stage-equation")].map((row) =>
  [...row.querySelectorAll("[role=grid]")].map((grid) => grid.getAttribute("aria-label")))"""


def network(*layers: Any, size: tuple[int, int, int] = (8, 8, 1), samples: int = 1, seed: int = 3) -> Any:
    """The page of one training step on made-up images."""
    gn.utils.set_random_seed(seed)
    model = gn.Sequential([gn.Input(size), *layers, L.Flatten(name="flat"), L.Dense(3, name="out")], name="cnn")
    x = np.random.default_rng(seed).random((samples, *size), dtype="float32")
    loss = gn.losses.SparseCategoricalCrossentropy(from_logits=True)
    return explain(model, x, np.arange(samples) % 3, loss, "adam")


def made() -> Any:
    gn.utils.set_random_seed(3)  # layers draw the seeds of their initializers when they are made
    first = L.Conv2D(4, 3, activation="relu", bias_initializer="random_normal", name="conv")
    return network(first, L.MaxPooling2D(name="pool"), L.Conv2D(6, 2, activation="relu", name="second"))


@pytest.fixture(scope="module")
def small() -> Any:
    return made()


@pytest.fixture(scope="module")
def mnist() -> Any:
    """Of the size of MNIST: 32 and 64 filters of 3 x 3."""
    first, second = (L.Conv2D(n, 3, activation="relu", name=name) for n, name in ((32, "conv"), (64, "second")))
    return network(first, L.MaxPooling2D(name="pool"), second, L.MaxPooling2D(name="pool2"), size=(28, 28, 1))


def step_of(tab: Any, phase: str, path: str) -> int:
    return int(
        tab.evaluate("([p, q]) => __glass.trace.steps.findIndex((s) => s.phase === p && s.path === q)", [phase, path])
    )


@pytest.fixture
def at(ready: Callable[..., Any]) -> Callable[..., Any]:
    """A page at a layer's step, with a number, map or filter pinned."""

    def opened(page: Any, phase: str = "forward", path: str = "conv", pinned: str = "", **options: Any) -> Any:
        tab = ready(page.html, **options)
        go(tab, step=step_of(tab, phase, path), pinned=pinned)
        return tab

    return opened


def window(made: Any, row: int, column: int, size: int = 3) -> Any:
    return made.trace["x"].array[0, row : row + size, column : column + size, 0]


# ---------------------------------------------------------------- the file and its numbers


def test_every_result_of_a_cnn_is_computed_anew_and_agrees(at: Callable[..., Any], small: Any) -> None:
    tab = at(small)
    checked, total = tab.inner_text(DONE).removeprefix("✓ ").replace("\u202f", "").split("/")
    assert checked == total
    assert int(total) > 1500
    assert tab.evaluate("__glass.trace.steps.length") == len(small.trace.steps)
    assert made().html == small.html  # same input and seed: identical bytes


def test_a_rule_of_several_statements_is_checked_with_what_it_computes_on_the_way(modules: Any, small: Any) -> None:
    """argmax, a part of max pooling, reads a maximum that no tensor of the page holds."""
    found = modules(small).evaluate(
        """() => { const { trace } = window.__glass; const op = trace.ops.find(({ op }) => op === "argmax");
          const [{ kernel }] = trace.kernelsOf(op); return [[...kernel.all()], [...op.writes[0].data]]; }"""
    )
    assert found[0] == found[1]


def test_a_page_of_a_mnist_cnn_is_small_and_no_step_has_more_than_2000_nodes(
    ready: Callable[..., Any], mnist: Any
) -> None:
    assert len(mnist.html.encode()) <= 5_000_000
    places = every_step(mnist, "second/biased_convolution[0,:,:,9]", "second/relu[0,4,4,9]")
    assert most_nodes(ready(mnist.html), places) <= MOST_NODES


# ---------------------------------------------------------------- layer, map, cell


def test_the_strip_and_the_stage_show_every_map_and_every_filter(at: Callable[..., Any], small: Any) -> None:
    tab = at(small)
    filters, *maps = [tab.get_by_test_id(f"images-{kind}").get_by_role("grid") for kind in ("filter", "map")]
    assert filters.get_attribute("aria-label") == "W1"
    assert [grid.get_attribute("aria-label") for grid in maps[0].all()] == ["z1", "a1"]
    filters.focus()
    tab.keyboard.press("Control+End")
    assert filters.get_by_role("gridcell").inner_text().startswith("Filter 3, bias ")


def test_pointing_at_a_filter_outlines_the_maps_that_are_made_by_it(at: Callable[..., Any], small: Any) -> None:
    tab = at(small)
    go(tab, ref="conv/kernel@0[:,:,0,2]")
    marked = tab.evaluate("[...document.querySelectorAll('.stage .picture-mark')].map((node) => node.dataset.ref)")
    assert marked == [f"{KERNEL}[:,:,0,2]", f"{Z}[0,:,:,2]", f"{A}[0,:,:,2]"]


def test_keys_lead_from_the_layer_to_a_map_to_a_cell_and_the_trail_back(at: Callable[..., Any], small: Any) -> None:
    tab = at(small)
    tab.get_by_test_id("images-map").first.get_by_role("grid").focus()
    tab.keyboard.press("Control+End")
    tab.keyboard.press("Enter")
    assert tab.evaluate("__glass.selection.get().pinned") == f"{Z}[0,:,:,3]"
    assert texts(tab, ".trail-stops li") == ["conv", "map 3"]
    assert any(ref.startswith(f"{Z}[") and ref.endswith(",3]") for ref in tab.evaluate("__glass.selection.get().route"))
    tab.get_by_role("grid", name="z1[0,:,:,3]").focus()
    tab.keyboard.press("Control+Home")
    tab.keyboard.press("Enter")
    assert tab.evaluate("__glass.selection.get().pinned") == f"{Z}[0,0,0,3]"
    assert texts(tab, ".trail-stops li") == ["conv", "map 3", "z1[0,0,0,3]"]
    assert "ref=conv%2Fbiased_convolution%5B0%2C0%2C0%2C3%5D" in tab.url
    tab.get_by_role("button", name="map 3", exact=True).click()
    assert tab.get_by_test_id("live-cell").count() == 1
    tab.locator(".trail-stop", has_text="conv").first.click()
    assert tab.get_by_test_id("images-filter").count() == 1


def test_the_pointer_on_a_map_moves_the_patch_and_its_working(at: Callable[..., Any], small: Any) -> None:
    tab = at(small, pinned=f"{Z}[0,:,:,1]")
    grid = tab.get_by_role("grid", name="z1[0,:,:,1]")
    box = grid.bounding_box()
    for row, column in ((0, 0), (2, 4), (5, 5)):
        side = box["width"] / 6
        tab.mouse.move(box["x"] + (column + 0.5) * side, box["y"] + (row + 0.5) * side)
        go(tab)
        shown = tab.evaluate(PATCHES)
        assert shown[0][0] == f"x[0,{row}–{row + 2},{column}–{column + 2},0]"
        z = small.trace[Z].array[0, row, column, 1]
        assert number(shown[0][2].rpartition("= ")[2]) == pytest.approx(
            (window(small, row, column) * small.trace[KERNEL].array[:, :, 0, 1]).sum(), rel=1e-3
        )
        assert gn.autograd.worked.format_number(float(z)) in tab.get_by_test_id("live-cell").inner_text()
        mark = tab.locator(".picture-mark[data-ref^='x[']").first.bounding_box()
        image = tab.get_by_role("grid", name="x", exact=True).bounding_box()
        cell = image["width"] / 8
        assert (mark["x"] - image["x"]) / cell == pytest.approx(column, abs=0.2)
        assert (mark["y"] - image["y"]) / cell == pytest.approx(row, abs=0.2)
        assert mark["width"] / cell == pytest.approx(3, abs=0.3)


def test_the_strongest_four_channels_the_remainder_and_the_bias_add_up_to_the_cell(
    at: Callable[..., Any], mnist: Any
) -> None:
    p, q, o = 4, 6, 9
    x, w = mnist.trace[POOLED].array[0, p : p + 3, q : q + 3], mnist.trace["second/kernel@0"].array[..., o]
    sums = (x * w).astype(float).sum(axis=(0, 1))
    z = mnist.trace["second/biased_convolution"].array[0, p, q, o]
    tab = at(mnist, path="second", pinned=f"second/relu[0,{p},{q},{o}]")
    shown = [row[1].rpartition("[")[2] for row in tab.evaluate(PATCHES)]
    best = np.argsort(-np.abs(sums))[:4]
    assert shown == [f":,:,{c},{o}]" for c in best]
    assert f"{32 - 4} more channels" in tab.get_by_test_id("patch").inner_text()
    rest = tab.get_by_test_id("patch").locator("p").inner_text().rpartition(" ")[2]
    assert number(rest) == pytest.approx(sums.sum() - sums[best].sum(), rel=2e-3)
    rows = [number(text) for text in texts(tab, "[data-testid=waterfall] .waterfall-number")]
    decimals = len(texts(tab, "[data-testid=waterfall] .waterfall-number")[0].partition(".")[2])
    assert sum(rows[:-1]) == pytest.approx(rows[-1], abs=0.5 * 10**-decimals * len(rows))
    assert rows[-1] == pytest.approx(float(z), abs=10**-decimals)


def test_the_receptive_field_is_the_box_of_all_pixels_that_move_the_number(
    modules: Any, at: Callable[..., Any], small: Any
) -> None:
    ref, cell = "second/biased_convolution", [0, 1, 0, 2]
    found = modules(small).evaluate(
        """async ([name, cell]) => { const { receptiveField } = await import("/windows.js"); const { trace } = window.__glass;
          const { low, high } = receptiveField(trace, trace.tensor(name), cell); return [low, high]; }""",
        [ref, cell],
    )
    numbers = {tensor.ref: number for number, tensor in enumerate(small.trace.tensors)}
    x = small.trace["x"].array
    moving = []
    for place in np.ndindex(*x.shape):
        for change in (-30, 30):
            changed = x.copy()
            changed[place] += change
            if (
                replay(small.trace, {numbers["x"]: changed})[numbers[ref]][tuple(cell)]
                != small.trace[ref].array[tuple(cell)]
            ):
                moving.append(place)
    assert found == [np.min(moving, axis=0).tolist(), np.max(moving, axis=0).tolist()]
    tab = at(small, path="second", pinned=f"{ref}[0,1,0,2]")
    assert "sees 6 × 6 pixels" in tab.get_by_test_id("receptive-field").inner_text()


@pytest.mark.parametrize(
    ("options", "before"), [({"padding": "same"}, 1), ({"strides": 2}, 0), ({"dilation_rate": 2}, 0)]
)
def test_padding_strides_and_dilation_are_followed(at: Callable[..., Any], options: Any, before: int) -> None:
    page = network(L.Conv2D(2, 3, name="conv", **options), L.MaxPooling2D(name="pool", padding="same"))
    padded = np.pad(page.trace["x"].array[0, :, :, 0], before)
    stride, gap = options.get("strides", 1), options.get("dilation_rate", 1)
    patch = padded[: 2 * gap + 1 : gap, stride : stride + 2 * gap + 1 : gap]
    tab = at(page, pinned="conv/biased_convolution[0,0,1,1]")
    title = tab.evaluate(PATCHES)[0][2]
    want = (patch * page.trace[KERNEL].array[:, :, 0, 1]).sum()
    assert number(title.rpartition("= ")[2]) == pytest.approx(float(want), rel=1e-3)


def test_a_dense_layer_behind_the_maps_shows_and_names_them(at: Callable[..., Any], small: Any) -> None:
    tab = at(small, path="out", pinned="out/linear[0,1]")
    maps = small.trace["second/relu"].array[0]
    products = maps * small.trace["out/kernel@0"].array[:, 1].reshape(maps.shape)
    row, column, channel = np.unravel_index(np.argmax(products), products.shape)
    best = tab.locator("[data-testid=waterfall] .waterfall-name").first.inner_text()
    assert best == f"map {channel} ({row}, {column})"
    grids = tab.locator(".stage .is-images").all()
    assert [grid.locator("canvas").count() for grid in grids] == [1, 1, 1]
    assert tab.locator(".stage .is-images .view-title").nth(1).inner_text().startswith("W3[:,1]")


def test_a_column_of_a_dense_kernel_is_cut_into_the_maps_that_it_reads(kit: Any) -> None:
    weights = np.arange(2 * 3 * 4 * 5, dtype=float).reshape(24, 5)
    found = kit.evaluate(
        """async (data) => { const { imagesOfColumn, imageNumbers } = await import("/maps.js");
          const images = imagesOfColumn({ shape: [24, 5], ref: "w" }, [1, 2, 3, 4], 2);
          return [0, 1, 2, 3].map((image) => [...imageNumbers(images, data, image)]); }""",
        weights.ravel().tolist(),
    )
    assert found == np.moveaxis(weights[:, 2].reshape(2, 3, 4), -1, 0).reshape(4, 6).tolist()


# ---------------------------------------------------------------- backward and update


def test_a_weights_gradient_is_what_it_met_times_the_errors_there(at: Callable[..., Any], small: Any) -> None:
    u, v, o = 2, 0, 3
    delta = small.trace[f"grad({Z})"].array[0, :, :, o]
    want = (window(small, u, v, 6) * delta).astype(float).sum()
    tab = at(small, "backward", pinned=f"grad(conv/kernel)[{u},{v},0,{o}]")
    [row] = tab.evaluate(PATCHES)
    assert row[0] == f"x[0,{u}–{u + 5},{v}–{v + 5},0]"
    assert row[1] == f"∂L/∂z1[0,:,:,{o}]"
    assert number(row[2].rpartition("= ")[2]) == pytest.approx(want, rel=1e-3)


def test_the_error_comes_back_through_the_flipped_kernel(at: Callable[..., Any], small: Any) -> None:
    row, column, c = 1, 1, 2
    delta, w = small.trace["grad(second/biased_convolution)"].array[0], small.trace["second/kernel@0"].array
    flipped = w[::-1, ::-1, c]  # both have two rows and columns here, and the pixel is met by all four taps
    sums = (delta * flipped).astype(float).sum(axis=(0, 1))
    tab = at(small, "backward", "second", pinned=f"grad({POOLED})[0,{row},{column},{c}]")
    shown = tab.evaluate(PATCHES)
    best = np.argsort(-np.abs(sums), kind="stable")[:4]
    assert [number(titles[2].rpartition("= ")[2]) for titles in shown] == pytest.approx(list(sums[best]), rel=2e-3)
    assert [titles[1] for titles in shown] == [f"W2[:,:,{c},{o}] flipped" for o in best]
    assert sums.sum() == pytest.approx(float(small.trace[f"grad({POOLED})"].array[0, row, column, c]), rel=1e-4)


def test_the_mask_lets_the_error_pass_where_the_maximum_was(modules: Any, small: Any) -> None:
    found = modules(small).evaluate(
        """async () => { const { maskOf } = await import("/mapviews.js");
          return [...maskOf(window.__glass.trace.ops.find(({ op }) => op === "max_pooling")).data]; }"""
    )
    a = small.trace[A].array
    mask = np.array(found).reshape(a.shape)
    blocks = mask.reshape(1, 3, 2, 3, 2, 4).sum(axis=(2, 4))
    assert (blocks == 1).all()
    np.testing.assert_array_equal((a * mask).reshape(1, 3, 2, 3, 2, 4).sum(axis=(2, 4)), small.trace[POOLED].array)
    passed = small.trace[f"grad({A})"].array
    assert (passed[mask == 0] == 0).all()


def test_the_update_shows_one_filter_and_the_change_of_all(at: Callable[..., Any], small: Any) -> None:
    tab = at(small, "update", pinned=f"{KERNEL}[:,:,0,2]")
    names = [grid.get_attribute("aria-label") for grid in tab.get_by_test_id("stage").get_by_role("grid").all()]
    assert names == ["∂L/∂W1", "m", "v", "ΔW1", "W1 before", "W1 after", "ΔW1 of all filters"]
    tab.get_by_role("grid", name="W1 after").focus()
    tab.keyboard.press("Home")
    assert (
        tab.get_by_role("grid", name="W1 after").get_by_role("gridcell").get_attribute("data-ref")
        == "conv/kernel@1[0,0,0,2]"
    )


# ---------------------------------------------------------------- route, pushes, ribbon


def test_the_pages_route_through_windows_and_maxima_is_pythons(modules: Any, small: Any) -> None:
    page = modules(small)
    route = strongest_route(small.trace)
    assert page.evaluate("strongestRoute(window.__glass.trace)")[: len(route)] == route
    for ref in (f"{Z}[0,2,3,1]", f"{KERNEL}[1,2,0,3]", "x[0,0,7,0]", "second/kernel@0[0,1,2,5]"):
        through = page.evaluate("(through) => strongestRoute(window.__glass.trace, { through })", ref)
        assert ref in through
        assert through[0].startswith("x[")
        assert sum("kernel" in one for one in through) == 3


def test_pushes_through_a_cnn_add_up_to_the_score_and_are_its_slopes(modules: Any, small: Any) -> None:
    found = modules(small).evaluate(
        """async () => { const { pushesOf, pushOf } = await import("/pushes.js"); const { trace } = window.__glass;
          const { slopes, bends } = pushesOf(trace, 0);
          const own = [...slopes].filter(([tensor]) => !trace.opWriting(tensor));
          return { sum: own.reduce((all, [tensor, found]) => all + pushOf(tensor, found), 0), bends: [...bends.keys()],
            x: [...slopes.get(trace.tensor("x"))] }; }"""
    )
    score = small.trace["out/linear"].array[0, 0]
    assert found["bends"] == []
    assert found["sum"] == pytest.approx(float(score), rel=1e-5)
    numbers = {tensor.ref: number for number, tensor in enumerate(small.trace.tensors)}
    x = small.trace["x"].array.astype(float)
    for pixel in np.ndindex(*x.shape):
        ends = []
        for change in (-1e-6, 1e-6):
            changed = x.copy()
            changed[pixel] += change
            ends.append(replay(small.trace, {numbers["x"]: changed}, np.float64)[numbers["out/linear"]][0, 0])
        slope = found["x"][np.ravel_multi_index(pixel, x.shape)]
        assert (ends[1] - ends[0]) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_ribbons_factors_multiply_to_the_gradient_along_the_route(modules: Any, small: Any) -> None:
    page = modules(small)
    route = strongest_route(small.trace)
    for ref in [one for one in route if "kernel" in one]:
        gradient = small.trace.tensors[small.trace[ref.partition("[")[0]].grad]
        cell = [int(part) for part in ref[ref.index("[") + 1 : -1].split(",")]
        [line, *_] = page.evaluate(
            """async ([name, cell, route]) => { const { trace } = window.__glass;
              Object.assign((await import("/messages.js")).MESSAGES, (await import("/stagewords.js")).STAGE_MESSAGES);
              return chainLines(trace, trace.tensor(name), cell, route).map(({ factors, others, result }) =>
                ({ factors: factors.map(({ value }) => value), others: others?.value ?? 0, result: result.value })); }""",
            [gradient.ref, cell, route],
        )
        assert np.prod(line["factors"]) + line["others"] == pytest.approx(line["result"], rel=1e-4, abs=1e-9)
        assert line["result"] == pytest.approx(float(gradient.array[tuple(cell)]), rel=1e-6)


# ---------------------------------------------------------------- layout, access, and what is odd


def test_every_step_map_and_cell_of_a_batch_fits_a_desktop_and_a_phone(at: Callable[..., Any]) -> None:
    page = network(
        L.Conv2D(4, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"), L.Conv2D(3, 2, name="second"),
        L.AveragePooling2D(name="mean"), size=(8, 8, 3), samples=2,
    )  # fmt: skip
    tab = at(page)
    pinned = (f"{Z}[1,:,:,2]", f"{A}[1,2,3,2]", f"{KERNEL}[1,1,0,2]", "grad(conv/kernel)[:,:,2,1]")
    places = [{**place, "granularity": "layer"} for place in every_step(page, *pinned)]
    count = tab.evaluate("__glass.trace.moments('op').length")
    places += [{"granularity": "op", "step": step, "pinned": ""} for step in range(count)]
    for size in ((1280, 800), (390, 844)):
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        for pictures, wide, nodes, place in walk(tab, places, SIZES):
            assert pictures > 0, place
            assert wide <= 0, place
            assert nodes <= MOST_NODES, place


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("phase", "pinned"),
    [("forward", ""), ("forward", f"{Z}[0,:,:,1]"), ("forward", f"{A}[0,2,3,1]"), ("backward", ""), ("update", "")],
)
def test_axe_finds_nothing_serious(at: Callable[..., Any], small: Any, scheme: str, phase: str, pinned: str) -> None:
    rules = None if scheme == "light" else ["color-contrast"]
    assert findings(at(small, phase, pinned=pinned, color_scheme=scheme), rules) == []


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv2D(4, 3, groups=2, name="conv")],
        [L.DepthwiseConv2D(3, name="conv"), L.AveragePooling2D(padding="same")],
        [L.Conv2DTranspose(2, 3, strides=2, name="conv"), L.MaxPooling2D(3, 2)],
        [L.SeparableConv2D(3, 3, name="conv"), L.GlobalMaxPooling2D(), L.Reshape((3, 1, 1))],
        [L.Reshape((16, 8)), L.Conv1D(4, 3, padding="causal", name="conv"), L.MaxPooling1D(2)],
    ],
    ids=["groups", "depthwise", "transpose", "separable", "line"],
)
def test_other_convolutions_have_pictures_at_every_step(at: Callable[..., Any], layers: Any) -> None:
    tab = at(network(*layers, size=(8, 8, 2)))
    assert tab.get_attribute(DONE, "class") == "check-badge is-good"
    count = tab.evaluate("__glass.trace.moments('op').length")
    places = [{"granularity": "op", "step": step} for step in range(count)]
    assert min(walk(tab, places, "document.querySelectorAll('.stage-body > *').length")) > 0


def test_pixels_that_are_not_finite_are_hatched_and_counted(at: Callable[..., Any]) -> None:
    gn.utils.set_random_seed(0)
    model = gn.Sequential([gn.Input((6, 6, 1)), L.Conv2D(3, 3, name="conv"), L.Flatten(), L.Dense(2)])
    x = np.ones((1, 6, 6, 1), "float32")
    x[0, 2, 2, 0] = np.nan
    page = explain(model, x, np.array([1]), gn.losses.SparseCategoricalCrossentropy(from_logits=True), "sgd")
    tab = at(page)
    assert texts(tab, "[data-testid=images-map] .legend-note") == ["27 not finite"]  # 9 windows hold it, of 3 maps
    go(tab, pinned="conv/biased_convolution[0,2,2,0]")
    assert "NaN" in tab.get_by_test_id("waterfall").inner_text()


def test_formulas_of_all_operations_fit_their_card(ready: Callable[..., Any], small: Any) -> None:
    tab = ready(small.html, viewport={"width": 1280, "height": 800})
    cut = tab.evaluate("""() => {
      const { trace, selection } = window.__glass;
      return trace.moments("op", []).flatMap((moment, step) => {
        selection.set({ granularity: "op", step });
        const lines = [...document.querySelectorAll(".card-formula .formula, .card-numbers .numbers-line")];
        return lines.filter((line) => line.scrollWidth > line.clientWidth + 1).map(() => moment.op.op);
      });
    }""")
    assert cut == []
