"""A call's media streams in its timeline: their lives, who talked when, how soon the app did."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from serving import Sandbox
from streaming import FORK, bot_stage, talked

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, str]]:
    with bot_stage(tmp_path_factory.mktemp("stage")) as sandbox:
        yield sandbox, talked(sandbox)


def test_a_timeline_tells_how_the_app_converses(stage: tuple[Sandbox, str]) -> None:
    sandbox, sid = stage
    found = sandbox.control("GET", f"/inspector/calls/{sid}")
    copy, bot = found["streams"]
    (leg,) = found["legs"]
    assert leg["answered"] <= bot["started"] < bot["ended"] <= leg["ended"]
    assert (bot["name"], bot["direction"], bot["error"]) == ("bot", "both", None)
    assert (
        bot["messages"]["received"]
        == len([it for it in bot["log"] if it["kind"] == "mark"]) * 2 + 1
    )
    kinds = [each["kind"] for each in bot["log"]]
    assert kinds.count("clear") == 1
    assert kinds.count("mark-reached") == 3
    assert len(bot["caller"]) == 3
    assert len(bot["app"]) == 3
    for start, end in (*bot["caller"], *bot["app"]):
        assert bot["started"] <= start < end <= bot["ended"]
    latencies = [each["latency_ms"] for each in bot["responses"]]
    assert latencies[2] is None, "a good bye is not answered"
    assert all(0 < each <= 600 for each in latencies[:2])
    for response, (_, end), (start, _) in zip(
        bot["responses"][:2], bot["caller"], bot["app"][1:], strict=False
    ):
        assert response["after"] == end
        assert response["latency_ms"] == pytest.approx((start - end) * 1000, abs=1)
    (barge_in,) = bot["barge_ins"]
    assert barge_in["at"] == bot["caller"][1][0]
    assert 0 < barge_in["reaction_ms"] <= 300
    figures = sandbox.control("GET", f"/streams?call={sid}")["streams"][1]["figures"]
    assert [each["latency_ms"] for each in figures["responses"]] == latencies

    assert copy["started"] is None
    assert copy["error"]["code"] == 31902
    assert copy["url"] == FORK
    assert (copy["caller"], copy["responses"]) == ([], [])


def test_the_weather_is_told_where_it_struck(stage: tuple[Sandbox, str]) -> None:
    sandbox, sid = stage
    deliveries = sandbox.control("GET", f"/inspector/calls/{sid}")["deliveries"]
    struck = [each for each in deliveries if each["injected"]]
    assert {each["kind"] for each in struck} == {"call-status"}
    assert [each["injected"] for each in struck] == [["duplicate 2 of 2"]]


@pytest.mark.browser
def test_the_page_shows_it_on_one_axis(stage: tuple[Sandbox, str]) -> None:
    pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    from browsing import CHROMIUM, chromium
    from playwright.sync_api import expect

    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the path")
    sandbox, sid = stage
    with chromium() as visit, visit(f"{sandbox.url}/#/calls/{sid}") as page:
        expect(page.locator(".of-streams .mark.stream")).to_have_count(1)
        expect(page.locator(".of-streams .name").first).to_contain_text("never began")
        expect(page.locator(".of-talk .mark.caller")).to_have_count(3)
        expect(page.locator(".of-talk .mark.app")).to_have_count(3)
        expect(page.locator(".of-pace .mark.response")).to_have_count(2)
        expect(page.locator(".of-pace .mark.response").first).to_contain_text(" ms")
        expect(page.locator(".of-pace .mark.barge-in")).to_contain_text("barge-in")
        expect(page.locator(".of-pace .mark.failed")).to_contain_text("no answer")
        expect(page.locator(".of-notes .mark.clear")).to_have_count(1)
        expect(page.locator(".of-notes .mark.failed").first).to_contain_text("error 31902")
        expect(page.locator(".of-weather .mark")).to_contain_text("duplicate 2 of 2")
        # The app's answer begins where the response ends, on one axis.
        boxes = [
            page.locator(where).nth(number).bounding_box()
            for where, number in ((".of-pace .mark.response", 0), (".of-talk .mark.app", 1))
        ]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] + boxes[0]["width"] == pytest.approx(boxes[1]["x"], abs=2)
        page.locator(".of-pace .mark.barge-in").hover()
        expect(page.locator(".strip")).to_have_text(re.compile(r"fell silent after \d+ ms"))
