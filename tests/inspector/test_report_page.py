"""The report page in a real browser: the axis and the waveform that the inspector has too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.html import write_report
from mediasim.scenario.running.runs import run_all

pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from browsing import CHROMIUM, chromium
from playwright.sync_api import expect

pytest_plugins = ["pytester"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]
NOISE = {"noise": {"kind": "babble", "for": "2s", "level": -20}}


def test_a_run_is_drawn_zoomed_and_played(tmp_path: Path) -> None:
    scenario = {
        "parties": {"ann": {"script": [NOISE]}, "bob": {"script": [NOISE]}},
        "call": {"from": "ann", "to": "bob", "recording": "dual"},
    }
    page_file = write_report(run_all([parse_scenario(scenario)], tmp_path), tmp_path)
    with chromium() as visit, visit(page_file.as_uri(), ready=".controls:not([hidden])") as page:
        lane = page.locator(".lane.channel canvas").first
        empty = lane.evaluate("(it) => it.ownerDocument.createElement('canvas').toDataURL()")
        whole = lane.evaluate("(it) => it.toDataURL()")
        assert whole != empty
        lane.hover()
        expect(page.locator(".tip")).to_contain_text("ann")
        page.get_by_role("button", name="Show less time").click()
        expect(page.locator(".scroll")).to_be_visible()
        assert lane.evaluate("(it) => it.toDataURL()") != whole
        page.get_by_role("button", name="Play").click()
        expect(page.locator(".time b")).not_to_have_text(re.compile(r"^0:00\.0"))
        page.get_by_role("button", name="Pause").click()
        page.locator("summary", has_text="Events").click()
        page.locator("button.seek").last.click()
        expect(page.locator(".time b")).to_have_text(page.locator("button.seek").last.inner_text())


STUCK = """
def test_stuck(mediasim_sandbox):
    bob = mediasim_sandbox.party("bob", [{"wait_for": {"speech": True}}])
    mediasim_sandbox.app({"/voice": f"<Say>Hello.</Say><Foo/>\\n<Dial>{bob}</Dial>"})
    mediasim_sandbox.call(script=[{"wait_for": {"digit": "1"}}])
    mediasim_sandbox.run_until_idle()
"""


def test_a_failed_test_s_page_has_the_inspector_s_timeline(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediasim.sandbox.clocks._OUTSIDE_SECONDS", 0.05)
    pytester.makepyfile(test_stuck=STUCK)
    pytester.runpytest_inprocess("-p", "no:asyncio", "--mediasim-keep", "left").assert_outcomes(
        failed=1
    )
    (page_file,) = (pytester.path / "left").rglob("report.html")
    with chromium() as visit, visit(page_file.as_uri(), ready="#sandbox") as page:
        saw = page.locator("#sandbox")
        expect(saw.locator(".lane .name").filter(has_text="bob")).to_be_visible()
        expect(saw.locator(".notes")).to_contain_text("12200")
        expect(saw.locator(".waits")).to_contain_text("bob has waited for speech True since")
        saw.locator(".mark", has_text="Dial").click()
        expect(saw.locator(".webhook .line.marked")).to_contain_text("<Dial>")
        expect(saw.locator(".webhook .params")).to_contain_text("CallSid")
