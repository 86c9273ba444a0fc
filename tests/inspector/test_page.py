"""The inspector in a real browser: what a person does with it, and what they see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import App, Sandbox
from staged import HOSTILE, NUMBER, called, staged

pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from browsing import CHROMIUM, Visits, chromium
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, App]]:
    with staged(tmp_path_factory.mktemp("stage")) as found:
        yield found


@pytest.fixture
def sandbox(stage: tuple[Sandbox, App]) -> Sandbox:
    stage[0].control("POST", "/reset")
    return stage[0]


@pytest.fixture(scope="module")
def visit() -> Iterator[Visits]:
    with chromium() as found:
        yield found


def shade(page: Page, selector: str) -> int:
    """How bright an element's background is, from 0 to 255."""
    script = f"getComputedStyle(document.querySelector({selector!r})).backgroundColor"
    return max(int(part) for part in re.findall(r"\d+", page.evaluate(script))[:3])


def painted(canvas: Locator) -> tuple[str, ...]:
    """The colours that there is enough of in a canvas to be seen."""
    script = """(it) => {
      const data = it.getContext("2d").getImageData(0, 0, it.width, it.height).data;
      const found = new Map();
      for (let i = 0; i < data.length; i += 4) {
        const colour = data.slice(i, i + 4).join();
        found.set(colour, (found.get(colour) ?? 0) + 1);
      }
      return [...found].filter(([, count]) => count > 200).map(([colour]) => colour).sort();
    }"""
    return tuple(canvas.evaluate(script))


# -- golden paths ---------------------------------------------------------------------------------


def test_a_newcomer_is_told_what_to_do(sandbox: Sandbox, visit: Visits) -> None:
    with visit(sandbox.url) as page:
        expect(page.locator("h1")).to_have_text("Nobody has called yet")
        block = page.locator(".code pre").first
        for name, value in sandbox.env.items():
            expect(block).to_contain_text(f"{name}={value}")
        expect(page.locator(".setup")).to_contain_text(f"mediasim call {NUMBER}")
        expect(page.locator(".list")).to_contain_text("No calls yet")


def test_the_coverage_is_searched_by_words_and_state(sandbox: Sandbox, visit: Visits) -> None:
    with visit(f"{sandbox.url}/_mediasim/coverage", ready="main > table") as page:
        every = page.locator("tbody tr").count()
        page.locator("#words").fill("conference region")
        page.locator("#state").select_option("noted")
        expect(page.locator("#count")).to_have_text(f"2 of {every}")
        expect(page.locator("tbody tr:visible")).to_have_count(2)
        page.locator("#words").fill("")
        page.locator("#state").select_option("")
        expect(page.locator("#count")).to_have_text(f"{every} of {every}")


def test_a_call_is_placed_watched_and_moved_on_by_hand(
    sandbox: Sandbox, stage: tuple[Sandbox, App], visit: Visits
) -> None:
    with visit(sandbox.url) as page:
        page.get_by_role("button", name="Place a call").first.click()
        page.get_by_label("From").select_option("alice")
        page.get_by_role("button", name="Call", exact=True).last.click()
        expect(page.locator("h1")).to_have_text(f"alice → {NUMBER}")
        page.get_by_role("button", name="+1 s").first.click()
        expect(page.locator(".head .state")).to_have_text("in-progress")
        expect(page.locator(".of-verbs .mark").last).to_contain_text("Gather")
        expect(page.locator(".item .title")).to_have_text(f"alice → {NUMBER}")
        page.get_by_label("Keys to press").fill("1")
        page.get_by_role("button", name="Press").click()
        page.locator(".face").click()
        page.get_by_label("How long").fill("4s")
        page.get_by_role("button", name="Advance", exact=True).click()
        expect(page.locator(".of-verbs .mark").last).to_contain_text("Dial")
        expect(page.locator(".of-keys .mark").first).to_have_text("1")
        page.get_by_role("button", name="Run until idle").click()
        expect(page.locator("#toasts")).to_contain_text("Nothing is left to happen")
        expect(page.locator(".head .state")).to_have_text("completed")
        assert stage[1].of("/menu")


def test_a_wrong_script_is_told_in_the_form(sandbox: Sandbox, visit: Visits) -> None:
    with visit(sandbox.url) as page:
        page.keyboard.press("n")
        page.get_by_label("From").select_option("")
        page.get_by_label("The script, in YAML").fill("- sing: la")
        page.get_by_role("button", name="Call", exact=True).last.click()
        expect(page.get_by_role("alert")).to_contain_text("unknown step")
        page.get_by_label("The script, in YAML").fill("- say: hello\n- hangup")
        page.get_by_role("button", name="Call", exact=True).last.click()
        expect(page.locator("h1")).to_contain_text(NUMBER)


def test_a_recording_is_seen_and_one_channel_of_it_played(sandbox: Sandbox, visit: Visits) -> None:
    sid = called(sandbox)
    with visit(f"{sandbox.url}/#/calls/{sid}") as page:
        panel = page.locator(".panel-recording").first
        expect(panel).to_have_attribute("data-ready", "true")
        expect(panel.locator(".channels")).to_contain_text("Channel 1")
        expect(panel.locator(".channels")).to_contain_text("alice")
        waveforms = panel.get_by_role("img", name="Waveform of channel")
        expect(waveforms).to_have_count(2)
        expect(waveforms.first).to_have_attribute("aria-label", re.compile(r": 1 clip, \d+ gaps"))
        assert len(set(map(painted, waveforms.all()))) == 2
        waveforms.first.click()
        expect(panel.locator(".time")).to_have_text(re.compile(r"^0:03\.\d / 0:06"))
        panel.get_by_role("button", name="Channel 2").click()
        expect(panel).to_have_attribute("data-heard", "2")
        panel.get_by_role("button", name="Play").click()
        expect(panel.get_by_role("button", name="Pause")).to_be_visible()
        expect(panel.locator(".time")).not_to_have_text(re.compile(r"^0:00\.0"))
        expect(page.locator(".playhead")).to_be_visible()
        panel.get_by_role("button", name="Pause").click()
        panel.locator("summary", has_text="Download").click()
        with page.expect_download() as download:
            panel.get_by_role("link", name="MP3, 1 channel").click()
        assert download.value.suggested_filename.endswith("-1ch.mp3")
        assert download.value.path().stat().st_size > 1000


def test_one_channel_alone_is_on_both_ears(sandbox: Sandbox, visit: Visits) -> None:
    """The page's own player, fed with two tones: what comes out where, in figures."""
    script = """async () => {
      const { Sound } = await import("/_mediasim/inspector/assets/app/sound.js");
      const { mediaUrl } = await import("/_mediasim/inspector/assets/app/api.js");
      const sid = location.hash.split("/").pop();
      const taps = [];
      const connect = AudioNode.prototype.connect;
      AudioNode.prototype.connect = function (to, ...rest) {
        if (to === this.context.destination && this instanceof ChannelMergerNode) {
          const splitter = this.context.createChannelSplitter(2);
          connect.call(this, splitter);
          for (const ear of [0, 1]) {
            const tap = this.context.createAnalyser();
            connect.call(splitter, tap, ear);
            taps.push(tap);
          }
        }
        return connect.call(this, to, ...rest);
      };
      const sound = new Sound(mediaUrl(sid, 2, "wav"), 2);
      const found = {};
      for (const which of ["all", "1", "2"]) {
        sound.hear(which);
        sound.audio.currentTime = 0.3;
        if (sound.audio.paused) await sound.toggle();
        await new Promise((done) => setTimeout(done, 120));
        const most = [0, 0];
        for (let n = 0; n < 12; n++) {
          taps.forEach((tap, ear) => {
            const samples = new Float32Array(tap.fftSize);
            tap.getFloatTimeDomainData(samples);
            most[ear] = Math.max(most[ear], ...samples.map(Math.abs));
          });
          await new Promise((done) => setTimeout(done, 25));
        }
        found[which] = most;
      }
      sound.close();
      return found;
    }"""
    sid = called(sandbox)
    first = sandbox.control("GET", f"/inspector/calls/{sid}")["recordings"][0]["sid"]
    with visit(f"{sandbox.url}/#/recordings/{first}") as page:
        found = page.evaluate(script)
    assert all(abs(found[alone][0] - found[alone][1]) < 1e-3 for alone in ("1", "2"))
    assert found["1"][0] > 0.01
    assert found["2"][0] > 0.01
    assert found["1"] != found["2"]
    assert abs(found["all"][0] - found["all"][1]) > 1e-3


def test_a_webhook_is_read_checked_and_replayed(
    sandbox: Sandbox, stage: tuple[Sandbox, App], visit: Visits
) -> None:
    called(sandbox)
    before = len(stage[1].of("/menu"))
    with visit(f"{sandbox.url}/#/webhooks") as page:
        page.get_by_label("Search").fill("menu")
        page.locator(".item", has_text="/menu").click()
        expect(page.locator("h1")).to_contain_text("/menu")
        expect(page.locator("pre.source").first).to_contain_text("<Dial record=")
        expect(page.locator("table.params")).to_contain_text("Digits")
        page.locator("summary", has_text="signature check").click()
        expect(page.locator(".verdict")).to_contain_text("X-Twilio-Signature fits")
        page.get_by_label("The URL as your app sees it").fill("https://tunnel.example/menu")
        page.get_by_role("button", name="Check").click()
        expect(page.locator(".verdict")).to_contain_text("would be another")
        page.get_by_role("button", name="Replay").click()
        expect(page.locator("#toasts")).to_contain_text("answered with 200")
        expect(page.locator(".facts")).to_contain_text("replay of an earlier one")
    assert len(stage[1].of("/menu")) == before + 1


def test_a_verb_of_the_timeline_leads_to_its_line(sandbox: Sandbox, visit: Visits) -> None:
    sid = called(sandbox)
    with visit(f"{sandbox.url}/#/calls/{sid}") as page:
        page.locator(".of-verbs .mark", has_text="Gather").click()
        expect(page.locator(".strip")).to_contain_text("<Gather> line 2")
        page.locator(".strip a").click()
        expect(page.locator(".line.marked")).to_contain_text("<Gather")


# -- what others wrote ----------------------------------------------------------------------------


def test_hostile_words_are_words(sandbox: Sandbox, visit: Visits) -> None:
    sid = called(sandbox)
    with visit(f"{sandbox.url}/#/calls/{sid}") as page:
        expect(page.locator(".panel-recording").first).to_have_attribute("data-ready", "true")
        expect(page.locator(".said").first).to_contain_text(HOSTILE)
        expect(page.locator(".of-verbs .mark").nth(1)).to_contain_text("<script>alert(1)</script>")
        expect(page.locator(".webhooks")).to_contain_text("/voice?%3Cb%3E")
        assert page.locator("main img, main b b, main script").count() == 0
        assert page.title() == "Call · mediasim"


# -- everybody's page -----------------------------------------------------------------------------


def test_it_can_be_used_by_keyboard_alone(sandbox: Sandbox, visit: Visits) -> None:
    sid = called(sandbox)
    with visit(sandbox.url) as page:
        expect(page.locator(".item").first).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("alice")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(f"alice → {NUMBER}")
        assert page.url.endswith(sid)
        expect(page.locator(".panel-recording").first).to_have_attribute("data-ready", "true")
        page.keyboard.press("2")
        expect(page.locator(".panel-recording").first).to_have_attribute("data-heard", "2")
        page.locator(".lanes").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".strip")).to_contain_text("ringing")
        for _ in range(2):
            page.keyboard.press("ArrowDown")
        assert "Start" in str(page.evaluate("document.activeElement.ariaLabel"))
        page.keyboard.press("ArrowRight")
        expect(page.locator(".strip")).to_contain_text("<Gather>")
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_contain_text("place a call")
        page.keyboard.press("Escape")
        page.keyboard.press("w")
        expect(page.locator(".tab[aria-selected=true]")).to_contain_text("Webhooks")
        expect(page.locator(".item").first).to_be_visible()
        page.keyboard.press("j")
        expect(page.locator(".item[aria-current]")).to_have_count(1)


def test_it_follows_the_systems_theme_and_ones_own(sandbox: Sandbox, visit: Visits) -> None:
    with visit(sandbox.url, color_scheme="dark") as page:
        assert shade(page, "body") < 60
        page.keyboard.press("t")
        assert shade(page, "body") > 200
        page.reload()
        page.wait_for_selector("main > article")
        assert shade(page, "body") > 200
    with visit(sandbox.url, color_scheme="light") as page:
        assert shade(page, "body") > 200


def test_a_telephone_is_wide_enough(sandbox: Sandbox, visit: Visits) -> None:
    sid = called(sandbox)
    size = {"width": 390, "height": 844}
    with visit(f"{sandbox.url}/#/calls", viewport=size, has_touch=True) as page:
        expect(page.locator("main")).to_be_hidden()
        page.locator(".item").first.tap()
        expect(page.locator(".side")).to_be_hidden()
        expect(page.locator(".panel-recording").first).to_have_attribute("data-ready", "true")
        paths = ["/", f"/#/calls/{sid}", "/#/recordings", "/#/webhooks"]
        paths += page.eval_on_selector_all(
            "main .webhooks a", "all => all.slice(0, 1).map((it) => '/' + it.hash)"
        )
        for path in paths:
            page.goto(sandbox.url + path)
            page.wait_for_timeout(200)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.locator(".face").click()
        panel = page.locator(".panel").bounding_box()
        assert panel is not None
        assert panel["x"] >= 0
        assert panel["x"] + panel["width"] <= 390
        page.locator(".brand").click()
        page.get_by_role("tab", name="Webhooks").click()
        expect(page.locator(".list")).to_be_visible()


def test_it_tells_when_the_sandbox_is_gone_and_finds_it_again(
    tmp_path: Path, visit: Visits
) -> None:
    with staged(tmp_path) as (sandbox, _), visit(sandbox.url) as page:
        expect(page.locator("#connection")).to_be_hidden()
        page.context.set_offline(True)
        sandbox.control("POST", "/reset")
        page.context.set_offline(False)
        sandbox.control("POST", "/calls", {"to": NUMBER, "from": "bob"})
        expect(page.locator(".item .title")).to_have_text(f"bob → {NUMBER}")


# -- messages -------------------------------------------------------------------------------------


def test_messages_are_listed_and_opened(sandbox: Sandbox, visit: Visits) -> None:
    """With what became of them; and what the app asked for in vain is counted."""
    sandbox.control("POST", "/message-outcomes", {"to": "+14155550102", "error_code": 30003})
    for to in ("+14155550101", "+14155550102"):
        form = {"From": NUMBER, "To": to, "Body": HOSTILE}
        assert sandbox.rest("POST", "/Messages.json", **form)["status"] == "queued"
    for _ in range(2):
        assert sandbox.rest("GET", "/Usage/Records.json")["code"] == 20501
    with visit(sandbox.url) as page:
        expect(page.locator(".missing li")).to_contain_text("Usage")
        expect(page.locator(".missing li")).to_contain_text("2 times")
        tab = page.locator(".tab[data-kind=messages]")
        expect(tab).to_have_text("Messages 2")
        tab.click()
        expect(page.locator(".list .item")).to_have_count(2)
        sandbox.control("POST", "/clock/run-until-idle")
        expect(page.locator(".list .item.bad")).to_contain_text("undelivered")
        page.locator(".list .item.bad").click()
        expect(page.locator("article.message")).to_contain_text(HOSTILE)
        expect(page.locator("article.message [role=alert]")).to_contain_text("30003")


# -- the documentation ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_documentation_is_searched_on_a_telephone(
    sandbox: Sandbox, visit: Visits, scheme: str
) -> None:
    telephone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    with visit(f"{sandbox.url}/docs/rest-api", ready="main article", **telephone) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert (shade(page, "body") > 128) == (scheme == "light")
        page.keyboard.press("/")
        page.keyboard.type("hold music")
        found = page.locator("#found li a")
        expect(found.first).to_be_visible()
        expect(page.locator("article")).to_be_hidden()
        title = found.first.inner_text().partition(":")[0]
        found.first.click()
        expect(page.locator("h1").last).to_contain_text(title)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator("summary").click()
        page.get_by_role("link", name="Glossary").click()
        expect(page.locator("article h1")).to_have_text("Glossary")
