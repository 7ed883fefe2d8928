"""Debian's chromium, and the pages that it opens."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pinlite.auditing import result_differences
from pinlite.store import results
from pinlite.ui.page import html

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Where there is none, CI fails; elsewhere its tests are skipped, and say so."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium")
        pytest.skip("there is no chromium; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        # Its own sandbox is not for root.
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def mobilenet(tmp_path_factory) -> Path:
    """The page of mobilenet_v2 in four variants, of which int8 was debugged, from what a run has left."""
    folder = HERE / "mobilenet_v2"
    page = tmp_path_factory.mktemp("page") / "report.html"
    page.write_text(html.of(results.report(folder), "build/mobilenet_v2", results.kept(folder)))
    return page


@pytest.fixture(scope="session")
def compared(tmp_path_factory) -> Path:
    """The page of mobilenet_v2 beside a later result, which is larger, and not as exact."""
    folder = tmp_path_factory.mktemp("compared")
    shutil.copytree(HERE / "mobilenet_v2", folder / "build", symlinks=True)
    file = folder / "build" / "report.json"
    report = json.loads(file.read_text())
    for variant in report["variants"]:
        variant |= {"size": int(1.2 * variant["size"]), "sha256": "0" * 64, "ops": variant["ops"] | {"GELU": 2}}
        variant["parity"] = {name: error and 10 * error for name, error in variant["parity"].items()}
    report["lock"]["options"]["seed"] = 7
    file.write_text(json.dumps(report))
    found = result_differences.compare(HERE / "mobilenet_v2", folder / "build")
    page = folder / "comparison.html"
    page.write_text(html.of_comparison(found.model_copy(update={"before": "base/build", "after": "build"})))
    return page


@pytest.fixture
def shown(browser) -> Iterator[Callable[..., Page]]:
    """Open a file; when the test ends, nothing may have been said on the console, asked for elsewhere, or raised."""
    said: list[str] = []
    contexts = []

    def show(file: Path, **options: object) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if request.url != file.as_uri() else None)
        page.goto(file.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert said == []
