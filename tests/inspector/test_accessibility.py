"""Every page without a violation that axe-core finds: light and dark, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from node_packages import node_packages
from serving import App, Sandbox
from staged import called, staged

from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.html import write_report
from mediasim.scenario.running.runs import run_all

pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from browsing import CHROMIUM, Visits, chromium

if TYPE_CHECKING:
    pass

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]

PAGES = {
    "/": "main",
    "/#/calls/SID": "main > article",
    "/_mediasim/coverage": "main > table",
    "/docs": "main",
    "/docs/ten-minutes": "main article",
    "/softphone": "main",
    "REPORT": ".controls:not([hidden])",
}
"""What is there once each page is."""
TALK = {"noise": {"kind": "babble", "for": "2s", "level": -20}}
SCENARIO = {
    "parties": {"ann": {"script": [TALK], "network": {"loss": "20%"}}, "bob": {"script": [TALK]}},
    "call": {"from": "ann", "to": "bob", "recording": "dual"},
    "expect": [{"channels": 2}, {"status": "absent"}],
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, App]]:
    with staged(tmp_path_factory.mktemp("stage"), "--clock", "manual") as found:
        yield found


@pytest.fixture(scope="module")
def visit() -> Iterator[Visits]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def places(stage: tuple[Sandbox, App], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URLs of the pages."""
    sandbox, _ = stage
    folder = tmp_path_factory.mktemp("report")
    report = write_report(run_all([parse_scenario(SCENARIO)], folder), folder)
    sid = called(sandbox)
    known = {"REPORT": report.resolve().as_uri()}
    return {page: known.get(page, sandbox.url + page.replace("SID", sid)) for page in PAGES}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dress", ["light", "dark"])
def test_pages_have_no_violations(
    places: dict[str, str], visit: Visits, dress: str, width: int
) -> None:
    axe = (node_packages("axe-core@4.14.1") / "axe-core" / "axe.min.js").read_text("utf-8")
    found = {}
    for name, ready in PAGES.items():
        size = {"width": width, "height": 800}
        with visit(places[name], ready=ready, color_scheme=dress, viewport=size) as page:
            page.evaluate(axe)
            for violation in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
                nodes = [node["target"] for node in violation["nodes"]]
                why = violation["nodes"][0]["failureSummary"]
                found[name, violation["id"]] = (len(nodes), nodes[:3], why)
    assert found == {}
