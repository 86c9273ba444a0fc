from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_samples import (
    HOSTILE,
    call,
    clip,
    expectation,
    failed_run,
    recording,
    report,
    run,
    tone,
    truth,
    write_recordings,
    write_wav,
)

from mediasim.audio.g711 import ulaw_encode
from mediasim.scenario.report import html as report_html
from mediasim.scenario.report.html import write_report
from mediasim.scenario.report.model import EventReport, RunReport

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """The page as a browser would take it: elements with their attributes, and their texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.blocks: list[tuple[dict[str, str], str]] = []
        """Script elements with what is in them."""
        self._stack: list[str] = []
        self.feed(html)
        self.close()
        assert self._stack == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag == "script":
            self.blocks.append((attributes, ""))
        if tag not in VOID:
            self._stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._stack and self._stack[-1] == "script":
            attributes, text = self.blocks.pop()
            self.blocks.append((attributes, text + data))
        elif not self._stack or self._stack[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def having(self, **attributes: str) -> list[dict[str, str]]:
        """Attributes of the elements with these, an underscore standing for a hyphen."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [found for _, found in self.elements if wanted.items() <= found.items()]

    @property
    def data(self) -> list[Any]:
        return [json.loads(text) for kind, text in self.blocks if kind.get("class") == "data"]

    @property
    def sounds(self) -> dict[str, bytes]:
        kind = "application/octet-stream"
        return {
            found["id"]: base64.b64decode(text)
            for found, text in self.blocks
            if found.get("type") == kind
        }


def render(directory: Path, *runs: RunReport, **other: Any) -> Page:
    path = write_report(report(*runs, **other), directory)
    assert path == directory / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_lanes_of_a_run_from_top_to_bottom(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    page = render(tmp_path, run())

    lanes = [found["data-kind"] for found in page.having() if "data-kind" in found]
    assert lanes == ["ruler", "events", *["call"] * 2, *["channel"] * 2, *["stream"] * 3]
    labels = [found["aria-label"] for tag, found in page.elements if tag == "canvas"]
    assert "Waveform of channel 1, alice: 1 clip, 1 gap in what arrived" in labels
    assert "Packets alice → server: 0.2% lost, 1 late" in labels


def test_what_the_scripts_get(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    (data,) = render(tmp_path, failed_run()).data

    assert data["span"] == 10.0
    assert data["parties"] == ["alice", "bob"]
    assert data["streams"][0]["lost"] == [2.2]
    assert [event["text"] for event in data["events"]] == ["bob answered", "bob: 5"]
    (kept,) = data["recordings"]
    assert kept["pieces"] == [[0.0, 1.0, 9.0]]
    alice, bob = kept["channels"]
    assert alice["missing"] == [[9600, 9760, "lost"]]
    assert alice["adjustments"] == [[40000, 80]]
    assert (alice["intervals"][0]["party"], bob["intervals"][0]["party"]) == (0, 1)
    assert len(base64.b64decode(alice["peaks"])) == 2 * 72000 // 160
    # A failure's place is in the file; the lanes stand on the call's clock.
    text = "aligned: alice's first clip stands 160 samples late"
    assert data["failures"] == [{"recording": 0, "channel": 1, "t": 3.5, "text": text}]


def test_the_sound_is_in_the_page_as_mu_law(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    page = render(tmp_path, run())

    (kept,) = page.data[0]["recordings"]
    left, right = (page.sounds[name] for name in kept["sounds"])
    assert len(left) == len(right) == 72000
    assert left[8000:16000] == ulaw_encode(tone(1)).tobytes()
    assert right[20000:28000] == ulaw_encode(tone(1, 4000)).tobytes()


def test_sound_that_does_not_fit_is_left_to_the_wav_failed_runs_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_recordings(tmp_path)
    monkeypatch.setattr(report_html, "SOUND_BYTES", 2 * 72000)
    page = render(tmp_path, run(), failed_run())

    failed, good = (data["recordings"][0] for data in page.data)
    assert list(page.sounds) == failed["sounds"] == ["run-2-sound-0-0", "run-2-sound-0-1"]
    assert good["sounds"] is None
    assert good["file"] == "recordings/RE1.wav"
    assert "The sound of 1 recording is not in this page" in page.text


def test_words_and_numbers_are_in_the_tables_too(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    page = render(tmp_path, run(), warnings=("voice engine fell silent: babble took over",))

    for words in (
        "The one expectation holds",
        "voice engine fell silent: babble took over",
        "A two-party call is stored in two channels.",
        "what alice said",
        "−12.2 dBFS",
        "Hello",
        "−20.1 dBFS",
        "10 s of call in 0.02 s, 500 times real time",
        "mediasim run scenarios/support-call.yaml --seed 7",
        "bob answered",
    ):
        assert words in page.text


def test_a_failure_can_be_gone_to(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    page = render(tmp_path, failed_run())

    (button,) = page.having(_class="listen")
    assert (button["data-seek"], button["data-recording"], button["data-channel"]) == (
        "3.5",
        "0",
        "1",
    )
    assert "recordings/RE1.wav, channel 1, 2.500 s" in page.text
    assert "alice's first clip stands 160 samples late" in page.text


def test_failed_runs_come_first_and_are_open(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    page = render(tmp_path, run(), failed_run(), run())

    sections = page.having(_class="run")
    assert [(found["id"], "open" in found) for found in sections] == [
        ("run-2", True),
        ("run-1", False),
        ("run-3", False),
    ]
    links = [found["href"] for tag, found in page.elements if tag == "a" and "#" in found["href"]]
    assert links == ["#run-2", "#run-1", "#run-3"]
    assert "1 of 4 expectations failed" in page.text


def test_a_single_run_is_open_and_needs_no_contents(tmp_path: Path) -> None:
    page = render(tmp_path, run(recordings=[]))

    assert "open" in page.having(_class="run")[0]
    assert page.having(_class="contents") == []


def test_a_run_that_broke_before_anything_happened(tmp_path: Path) -> None:
    broken = run(
        ok=False, error="no voice engine", calls=[], events=[], recordings=[], expectations=[]
    )
    page = render(tmp_path, broken)

    assert "The run broke. no voice engine" in page.text
    assert "1 of 1 run broke" in page.text
    assert page.having(_class="lanes") == []


def test_a_recording_without_media_has_no_lanes(tmp_path: Path) -> None:
    absent = recording(status="absent", file=None, truth=None, samples=0, truth_intervals=None)
    page = render(tmp_path, run(recordings=[absent]))

    assert page.data[0]["recordings"] == [None]
    assert "absent · no media" in page.text
    assert not [found for found in page.having() if found.get("data-kind") == "channel"]


def test_people_who_talk_at_once_have_rows_of_their_own(tmp_path: Path) -> None:
    mix = replace(recording().channel_map[0], party=None, leg="mix")
    clips = [(0, 900, "alice"), (500, 2000, "bob"), (900, 1500, "carol"), (2000, 2500, "alice")]
    intervals = [clip(start, end, party, "words") for start, end, party in clips]
    channel = {"channel": 1, "intervals": intervals, "missing": [], "adjustments": []}
    mixed = recording(channel_map=[mix], truth_intervals={"channels": [channel], "pauses": []})
    write_wav(tmp_path / "recordings" / "RE1.wav", tone(9))
    (data,) = render(tmp_path, run(recordings=[mixed])).data

    placed = data["recordings"][0]["channels"][0]["intervals"]
    assert [each["row"] for each in placed] == [0, 1, 0, 0]
    assert data["parties"] == ["alice", "bob", "carol"]


def test_a_level_of_silence_is_no_number(tmp_path: Path) -> None:
    quiet = truth()
    quiet["channels"][0]["intervals"][0]["level_dbfs"] = float("-inf")
    write_recordings(tmp_path)
    (data,) = render(tmp_path, run(recordings=[recording(truth_intervals=quiet)])).data

    assert data["recordings"][0]["channels"][0]["intervals"][0]["level"] is None


def hostile_run() -> RunReport:
    said = truth()
    said["channels"][0]["intervals"][0]["text"] = HOSTILE
    first, second = recording().channel_map
    channels = [replace(first, party=HOSTILE), second]
    loud = recording(why=HOSTILE, name=HOSTILE, channel_map=channels, truth_intervals=said)
    return run(
        ok=False,
        scenario=HOSTILE,
        label=HOSTILE,
        description=HOSTILE,
        error=HOSTILE,
        variant={HOSTILE: HOSTILE},
        repeat=HOSTILE,
        calls=[call(HOSTILE, HOSTILE, [])],
        recordings=[loud],
        events=[EventReport(t=1.0, kind=HOSTILE, subject=HOSTILE, text=HOSTILE)],
        expectations=[expectation(ok=False, check=HOSTILE, wanted=HOSTILE, found=HOSTILE)],
    )


def test_what_a_scenario_says_is_never_markup(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    tame = render(tmp_path, failed_run())
    page = render(tmp_path, hostile_run(), warnings=(HOSTILE,))

    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in tame.elements}
    assert not any(name.startswith("on") for _, found in page.elements for name in found)
    assert len(page.blocks) == len(tame.blocks)
    data = page.data[0]
    assert data["events"][0]["text"] == HOSTILE
    assert data["recordings"][0]["channels"][0]["intervals"][0]["text"] == HOSTILE
    assert page.text.count("alert(2)") >= 10


def test_half_a_surrogate_pair_does_not_break_the_page(tmp_path: Path) -> None:
    assert "a?b" in render(tmp_path, run(description="a\ud800b", recordings=[])).text


def test_only_the_one_script_may_run_and_nothing_is_fetched(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    html = write_report(report(run()), tmp_path).read_text(encoding="utf-8")
    page = Page(html)

    (policy,) = page.having(http_equiv="Content-Security-Policy")
    (script,) = [text for found, text in page.blocks if not found]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy["content"]
    assert policy["content"].startswith("default-src 'none';")
    assert "unsafe" not in policy["content"]
    assert re.findall(r"https?://", html) == []
    assert not [found for _, found in page.elements if "src" in found or "style" in found]


def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    write_recordings(tmp_path)
    first = write_report(report(failed_run(), run()), tmp_path).read_bytes()

    assert write_report(report(failed_run(), run()), tmp_path).read_bytes() == first


def test_links_lead_beside_the_page(tmp_path: Path) -> None:
    write_wav(tmp_path / "recordings" / "a b.wav", np.zeros(160, np.int16))
    named = recording(file="recordings/a b.wav", json="javascript:alert(1)")
    page = render(tmp_path, run(recordings=[named]))

    links = [found["href"] for tag, found in page.elements if tag == "a"]
    assert links == [
        "recordings/a%20b.wav",
        "javascript%3Aalert%281%29",
        "recordings/RE1.truth.json",
    ]
