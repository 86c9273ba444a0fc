"""Recorders that fail in a sandbox: what is stored is broken, and its truth says how."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from mediasim.audio.wav import read_wav
from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.config import Config, parse_config
from mediasim.testing import MediasimSandbox
from mediasim.testing.source import SandboxRecording
from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.verify.verify import verify
from mediasim.twilio.download import Format

APP, OTHER = "+14155550190", "+14155550191"
RECORDED = "<Dial record='record-from-answer-dual' recordingStatusCallback='/recorded'>{bob}</Dial>"
FORMATS: tuple[Format, ...] = ("wav", "mp3")
ALICE = [{"say": "Good morning, this is Alice."}, {"pause": "3s"}]
BOB = [{"pause": "3s"}, {"say": "Bob speaking, what can I do for you?"}]


def talks(sandbox: MediasimSandbox, *numbers: str) -> Any:
    """Alice calls each number of the app, which connects her to Bob and records both."""
    bob = sandbox.party("bob", BOB)
    app = None
    for number in numbers or (APP,):
        answers = {"/voice": RECORDED.format(bob=bob), "/recorded": None}
        app = sandbox.app(answers, number=number)
        sandbox.call(to=number, script=ALICE)
        sandbox.run_until_idle()
    return app


def named(sandbox: MediasimSandbox) -> list[list[str]]:
    """The faults that each recording's truth names."""
    store = sandbox.service.store
    return [
        [fault["fault"] for fault in store.truth(record.sid)["faults"]]
        for record in sandbox.service.catalogue.recordings()
    ]


def test_a_recording_is_broken_and_its_truth_says_so(mediasim_sandbox: MediasimSandbox) -> None:
    with mediasim_sandbox.weather(recorder_fault=["swapped", "late:40@1"]):
        app = talks(mediasim_sandbox)
    (record,) = mediasim_sandbox.service.catalogue.recordings()
    path = mediasim_sandbox.service.store.wav_path(record.sid)
    assert verify(path).kinds[0] == "swapped"
    assert named(mediasim_sandbox) == [["swapped", "late"]]
    (told,) = app.asked[1:]
    assert told.params["RecordingStatus"] == "completed"
    (entry,) = mediasim_sandbox.deliveries.of("recorder")
    assert entry.injected == ["recorder fault swapped", "recorder fault late:40@1"]
    assert entry.sid == record.sid


def test_only_what_is_in_scope_is_broken(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.weather(recorder_fault="swapped", number=OTHER)
    mediasim_sandbox.weather(recorder_fault="level:-12", times=1)
    talks(mediasim_sandbox, APP, OTHER)
    assert named(mediasim_sandbox) == [["level"], ["swapped"]]


def test_what_cannot_befall_a_recording_leaves_it_whole(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app({"/voice": "<Record timeout='2' playBeep='false' action='/bye'/>"})
    with mediasim_sandbox.weather(recorder_fault="swapped"):
        mediasim_sandbox.call(script=ALICE)
        mediasim_sandbox.run_until_idle()
    (record,) = mediasim_sandbox.service.catalogue.recordings()
    assert verify(mediasim_sandbox.service.store.wav_path(record.sid)).ok
    warning = next(
        each
        for each in mediasim_sandbox.service.notifications
        if each.message_text.startswith(f"recording {record.sid} could not be broken")
    )
    assert "takes a recording of two channels" in warning.message_text
    assert not mediasim_sandbox.deliveries.of("recorder")


@pytest.mark.parametrize("fault", [name for name, it in GALLERY.items() if it.samples is None])
def test_whole_or_not_it_is_downloaded(mediasim_sandbox: MediasimSandbox, fault: str) -> None:
    """Broken files too have mixes and MP3s made of what is in them."""
    with mediasim_sandbox.weather(recorder_fault=fault):
        talks(mediasim_sandbox)
    (record,) = mediasim_sandbox.service.catalogue.recordings()
    source = SandboxRecording("both", record, mediasim_sandbox)
    assert verify(source.path()).kinds
    whole = len(source.path().read_bytes()) > 44
    for channels, format in product((1, 2), FORMATS):
        found = source.download(channels, format)
        assert found.status == 200
        assert (len(found.content) > 44) == (whole or format == "mp3")


def test_a_config_file_has_them_for_all_numbers_or_one(tmp_path: Path) -> None:
    text = (
        f"numbers: {{{APP}: {{voice_url: http://a/, recorder_fault: drift:150}},\n"
        f"          {OTHER}: http://a/}}\n"
        "weather: {recorder_fault: [swapped, lost-tail:700], share: 0.1}\n"
    )
    everywhere, own = (each.fault_rule for each in parse_config(text, base=tmp_path).all_weather)
    assert everywhere.to_json() == {"recorder_faults": ("swapped", "lost-tail:700"), "share": 0.1}
    assert own.to_json() == {"recorder_faults": ("drift:150",), "number": APP}
    assert json.dumps(own.to_json())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"recorder_fault": "swaped"}, r"no fault 'swaped' \(did you mean swapped\?\)"),
        ({"recorder_fault": ["drift:1e9"]}, "expected a fault as NAME"),
        ({"recorder_fault": 3}, "expected the name of a fault"),
        ({"webhook_drop": True, "number": APP}, "give a recorder_fault too"),
        ({"number": APP}, "or recorder_fault"),
    ],
)
def test_wrong_faults_are_told(
    mediasim_sandbox: MediasimSandbox, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ScenarioError, match=words):
        mediasim_sandbox.weather(**wrong)


def test_without_any_nothing_is_touched(mediasim_sandbox: MediasimSandbox) -> None:
    talks(mediasim_sandbox)
    (record,) = mediasim_sandbox.service.catalogue.recordings()
    path = mediasim_sandbox.service.store.wav_path(record.sid)
    assert verify(path).ok
    assert len(read_wav(path).pcm) == 2
    assert Config().all_weather == ()
