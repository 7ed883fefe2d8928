"""The page of a result in a browser: what is there, by mouse, keyboard and screen reader, and how soon."""

import itertools
import re
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from held import until

from pinlite.schema.operators import ConversionOperators, FileOperators, Operator, OperatorTensor
from pinlite.store import results
from pinlite.ui.page import html

DESK = {"viewport": {"width": 1100, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LOOKS = {
    "desk": DESK,
    "desk-dark": DESK | {"color_scheme": "dark"},
    "phone": PHONE,
    "phone-dark": PHONE | {"color_scheme": "dark"},
}
# Pictures of the docs; `make screenshots` takes them from here.
PICTURES = Path(__file__).parents[2] / "build/screenshots"
LARGEST = 150_000


def picture(target, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    assert len(target.screenshot(path=PICTURES / f"{name}.png")) < LARGEST


def nodes(page):
    return page.locator("#graph-view .node:not(.in):not(.out)")


def test_the_verdict_and_every_plot_are_there(shown, mobilenet):
    page = shown(mobilenet, **DESK)
    assert page.inner_text(".verdict") == "compared with the reference, see the hops"
    plots = page.locator("svg.plot")
    titles = [plots.nth(at).get_attribute("aria-label").partition(":")[0] for at in range(plots.count())]
    assert titles == ["size", "latency", "error", "what layers add to the error", "int8", "where each second went"]
    for at in range(plots.count()):
        box = plots.nth(at).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 20
    assert page.locator("section > h2").all_inner_texts() == [
        *("Variants", "Accuracy", "Graph", "Layers", "Ranges of integers", "Hops", "Audit", "Time", "Files"),
        "Reproduce",
    ]
    picture(page, "page")


def test_the_graph_is_opened_searched_and_zoomed(shown, mobilenet):
    page = shown(mobilenet, **DESK)
    page.select_option("#graph-variant", "int8")
    assert page.inner_text("#graph-count") == "73 of 73 operators"
    page.get_by_role("button", name="open features,").click()
    page.get_by_role("button", name=re.compile(r"open features\.3,")).click()
    assert nodes(page).locator(".first").all_text_contents() == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD"]
    # A block of mobilenet_v2 adds what it was given.
    assert page.locator("#graph-view .edge").count() == 6
    page.select_option("#graph-color", "added")
    assert nodes(page).locator("xpath=self::*[contains(@class, 'heat')]").count() == 4
    wide = page.locator("#graph-view svg").bounding_box()["width"]
    page.get_by_role("button", name="zoom in").click()
    assert page.locator("#graph-view svg").bounding_box()["width"] == pytest.approx(1.25 * wide)
    page.fill("#graph-search", "depthwise_conv_2d features.3.")
    assert page.inner_text("#graph-count") == "1 of 73 operators"
    page.locator("#graph-rows button").click()
    assert page.locator("#graph-view .chosen .first").text_content() == "DEPTHWISE_CONV_2D"
    told = page.inner_text("#graph-details")
    assert "operator 11: DEPTHWISE_CONV_2D of features.3.conv.1.2" in told
    assert "int8, 1x56x56x144, scale" in told
    assert "4,064,256 multiply-adds" in told
    assert re.search(r"error [\d.]+ %, of which it adds [\d.]+ %", told)
    assert "are not the nearest integer" in told
    page.get_by_role("button", name="zoom out").click()
    picture(page.locator("#graph"), "page-graph")
    page.select_option("#graph-variant", "float16")
    assert page.inner_text("#graph-count") == "1 of 176 operators"


def test_the_keyboard_alone_is_enough(shown, mobilenet):
    page = shown(mobilenet, **DESK)
    page.locator("#graph-view").focus()
    page.keyboard.press("+")
    assert page.inner_text("#graph-zoom") == "125 %"
    page.keyboard.press("0")
    assert page.inner_text("#graph-zoom") == "100 %"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("open features,")
    page.keyboard.press("Enter")
    assert page.locator("#graph-path button").all_inner_texts() == ["the whole file", "features"]
    page.locator("#graph-view .node[role]").first.focus()
    page.keyboard.press("Escape")
    assert page.locator("#graph-path button").all_inner_texts() == ["the whole file"]


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(shown, mobilenet, look):
    page = shown(mobilenet, **LOOKS[look])
    page.select_option("#graph-variant", "int8")
    page.select_option("#graph-color", "added")
    page.get_by_role("button", name="open features,").click()
    nodes(page).nth(2).click()
    found = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_where_results_are_compared(shown, compared, look):
    page = shown(compared, **LOOKS[look])
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]
    titles = page.locator("svg.plot").evaluate_all("all => all.map(each => each.ariaLabel.split(':')[0])")
    assert titles == ["size", "operators", "macs", "parameters", "latency", "error"]
    found = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    if look == "desk":
        picture(page, "comparison")


def test_a_phone_has_no_sideways_scrolling_and_a_dark_page(shown, mobilenet):
    page = shown(mobilenet, **LOOKS["phone-dark"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    picture(page, "page-phone")


def test_the_first_paint_comes_at_once(shown, mobilenet):
    page = shown(mobilenet, **DESK)
    painted = "performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)"
    assert until(lambda: page.evaluate(painted))[0] < 1000
    assert mobilenet.stat().st_size < 1_000_000


def test_five_thousand_operators_can_be_searched_two_seconds_after_the_page_is_opened(shown, tmp_path):
    folder = Path(__file__).parent / "mobilenet_v2"
    tensors = [OperatorTensor(name=f"Add_{at}/add", type="float32", shape=(1, 64)) for at in range(5001)]
    operators = tuple(
        Operator(kind="ADD", inputs=(one,), outputs=(other,), macs=0) for one, other in itertools.pairwise(tensors)
    )
    modules = {f"Add_{at}": (f"blocks.{at // 200}.{at % 7}",) for at in range(1, 2500)}
    kept = results.Kept(
        {"": ConversionOperators(modules=modules, variants={"float32": FileOperators(operators=operators)})}, {}
    )
    file = tmp_path / "large.html"
    file.write_text(html.of(results.report(folder), "out", kept))
    started = time.perf_counter()
    page = shown(file, **DESK)
    page.fill("#graph-search", "Add_4321/")
    assert page.inner_text("#graph-count") == "2 of 5000 operators"
    page.locator("#graph-rows button").first.click()
    assert page.locator("#graph-view .chosen").count() == 1
    assert time.perf_counter() - started < 2


def test_nothing_of_a_hostile_model_runs(shown, tmp_path):
    folder = Path(__file__).parent / "mobilenet_v2"
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>\u202e"
    tensor = OperatorTensor(name=hostile, type=hostile, shape=(1,))
    operator = Operator(kind=hostile, inputs=(tensor,), outputs=(tensor,), macs=1)
    modules = {hostile: (hostile,)}
    kept = results.Kept(
        {"": ConversionOperators(modules=modules, variants={"float32": FileOperators(operators=(operator, operator))})},
        {},
    )
    report = results.report(folder).model_copy(update={"source": hostile})
    file = tmp_path / "hostile.html"
    file.write_text(html.of(report, hostile, kept))
    page = shown(file, **DESK)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.fill("#graph-search", "alert(2)")
    page.locator("#graph-rows button").first.click()
    assert "<img src=x onerror=alert(2)>" in page.inner_text("#graph-details")
    assert page.locator("img").count() == 0
    assert "<img src=x onerror=alert(2)>" in page.inner_text("h1")
