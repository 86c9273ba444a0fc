"""How other recorders fail, measured or reported, each as a call that ours records to the sample.

Measured are FreeSWITCH's record_session, Asterisk's MixMonitor, rtpengine's recording daemon and
Janus's AudioBridge, each with two legs of known audio; the others are from their issue trackers.
Every call below is one in which such a recorder puts the audio elsewhere, loses some, or adds
some. The clips are noise, so a place is found by its samples, and by them alone.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray
from playing import Played, Samples, after_codec, path_samples, play

from mediasim.rtp.skew_compensation import DRIFT_BOUND
from mediasim.truth.measure import find_offset

PATH: Final = path_samples()
"""Samples from a word said, on a path without delay, to the same word in the file."""
CLIPS: Final = ("a1", "a2", "a3", "b1", "b2", "b3")

Script = list[Any]
Case = Callable[[], None]
CASES: dict[str, Case] = {}


def fails(name: str) -> Callable[[Case], Case]:
    """Enter a failure of a peer's into the table."""

    def enter(case: Case) -> Case:
        assert name not in CASES
        CASES[name] = case
        return case

    return enter


@pytest.mark.parametrize("name", CASES)
def test_ours_does_not(name: str) -> None:
    CASES[name]()


# -- calls of known audio -------------------------------------------------------------------


def noise(name: str) -> Samples:
    """A second of white noise, another for each name."""
    return np.random.default_rng([ord(it) for it in name]).integers(-7000, 7000, 8000, np.int16)


@pytest.fixture(scope="module", autouse=True)
def clips(tmp_path_factory: pytest.TempPathFactory) -> None:
    FOLDER.append(tmp_path_factory.mktemp("clips"))
    for name in CLIPS:
        with wave.open(str(FOLDER[-1] / f"{name}.wav"), "wb") as wav:
            wav.setparams((1, 2, 8000, 0, "NONE", ""))
            wav.writeframes(noise(name).tobytes())


FOLDER: list[Path] = []


def say(name: str) -> dict[str, Any]:
    return {"play": str(FOLDER[-1] / f"{name}.wav")}


def wait(milliseconds: int) -> dict[str, Any]:
    return {"pause": f"{milliseconds}ms"}


def party(*script: Any, **more: Any) -> dict[str, Any]:
    return {"script": list(script), **more}


def call(a: dict[str, Any], b: dict[str, Any], **more: Any) -> Played:
    """A calls B, who answers at once; unless told otherwise all from then on is recorded."""
    dialled = {"from": "a", "to": "b", "answer": "0s", **more}
    dialled.setdefault("recordings", [{"channels": "dual"}])
    others = dialled.pop("others", {})
    return play({"parties": {"a": a, "b": b, **others}, "call": dialled})


def there(channel: Samples, name: str, at: float, *, codec: str = "PCMU") -> None:
    """A clip stands, all of it, where it was said ``at`` seconds after the file's beginning."""
    start = round(at * 8000) + PATH
    heard = channel[start : start + 8000]
    assert np.array_equal(heard, after_codec(noise(name), codec)), f"{name} is not at {at} s"


def silent(channel: Samples, start: float = 0.0, end: float | None = None) -> None:
    """Nothing at all stands between two times of saying."""
    low = round(start * 8000) + PATH if start else 0
    high = len(channel) if end is None else round(end * 8000) + PATH
    assert not channel[low:high].any(), f"something is heard between {start} s and {end} s"


def share_there(channel: Samples, name: str, at: float) -> float:
    """The share of a clip's samples that stand where they should; the others must be silent."""
    start = round(at * 8000) + PATH
    heard, said = channel[start : start + 8000], after_codec(noise(name), "PCMU")
    right: NDArray[np.bool_] = heard == said
    assert not heard[~right].any(), f"{name} at {at} s: what is not right is not silence either"
    return float(right.mean())


# -- alignment ------------------------------------------------------------------------------


@fails("the second leg is a frame late")  # rtpengine, Asterisk: +20 ms on clean networks
def _() -> None:
    a, b = call(party(say("a1")), party(say("b1"))).pcm()
    there(a, "a1", 0.0)
    there(b, "b1", 0.0)


@fails("a leg that starts a second late is moved to the front")  # Asterisk `n`: -1000 ms
def _() -> None:
    late = party(wait(1000), say("b1"), dtx="silence")
    a, b = call(party(say("a1"), wait(1000), say("a2")), late).pcm()
    there(a, "a2", 2.0)
    there(b, "b1", 1.0)
    silent(b, 0.0, 1.0)


@fails("a leg that joins during the other's silence lands too early")  # rtpengine: -2000 ms
def _() -> None:
    played = call(
        party(say("a1"), wait(4000), say("a2"), dtx="silence"),
        party(wait(300), say("b1"), dtx="silence"),
        dial_after="2500ms",
        recordings=[{"channels": "dual", "of": "call"}],
    )
    a, b = played.pcm()
    there(a, "a1", 0.0)
    there(a, "a2", 5.0)
    there(b, "b1", 2.8)


@fails("the time in which both are silent vanishes")  # Asterisk: all of it; FreeSWITCH: 40 %
def _() -> None:
    a, b = call(
        party(say("a1"), wait(4000), say("a2"), dtx="silence"),
        party(wait(500), say("b1"), wait(2000), say("b2"), dtx="silence"),
    ).pcm()
    there(a, "a2", 5.0)
    there(b, "b2", 3.5)
    silent(a, 1.0, 5.0)


@fails("a silence of one side moves the other")  # FreeSWITCH: a moved by 40 ms, b in 8 jumps
def _() -> None:
    gap = party(say("b1"), wait(3000), say("b2"), dtx="comfort-noise")
    a, b = call(party(say("a1"), wait(1500), say("a2"), say("a3")), gap).pcm()
    there(a, "a2", 2.5)
    there(a, "a3", 3.5)
    there(b, "b2", 4.0)


@fails("a gap of more than half a minute resets a leg")  # rtpengine gives up after 30 s
def _() -> None:
    a, b = call(
        party(say("a1"), wait(40_000), say("a2"), dtx="silence"), party(say("b1"), dtx="silence")
    ).pcm()
    there(a, "a2", 41.0)
    there(b, "b1", 0.0)
    silent(b, 1.0)


@fails("utterances are glued together")  # pipecat: what lies between them is not written
def _() -> None:
    pauses = (20, 333, 1001)
    script: Script = [say("a1")]
    for pause in pauses:
        script += [wait(pause), say("a2")]
    a, _ = call(party(*script, dtx="silence"), party()).pcm()
    at = 0.0
    for pause in pauses:
        at += 1 + pause / 1000
        there(a, "a2", at)


@fails("silence is put in where somebody talks")  # pipecat: 863 s of call become 950 s
def _() -> None:
    played = call(
        party(say("a1"), say("a2"), say("a3")), party(wait(500), say("b1"), say("b2"), say("b3"))
    )
    a, b = played.pcm()
    for number in (1, 2, 3):
        there(a, f"a{number}", number - 1.0)
        there(b, f"b{number}", number - 0.5)


@fails("both channels slide")  # egma on pipecat: 49 ms a second; mumble: for hours of recording
def _() -> None:
    script = [{"repeat": {"times": 60, "steps": [say("a1"), wait(9000)]}}]
    a, b = call(party(*script), party(*script)).pcm()
    for number in range(60):
        there(a, "a1", 10.0 * number)
        there(b, "a1", 10.0 * number)


@fails("the first half of a stereo file is sped up")  # FreeSWITCH #2207
def _() -> None:
    a, b = call(
        party(say("a1"), say("a2"), say("a3")),
        party(say("b1"), say("b2"), say("b3")),
        recordings=[{"channels": "dual", "start": "ringing"}],
        answer="1s",
    ).pcm()
    for number in (1, 2, 3):
        there(a, f"a{number}", float(number))
        there(b, f"b{number}", float(number))


# -- bad networks ---------------------------------------------------------------------------

FIVE_PERCENT = {"network": {"up": {"loss": 0.05}}}


@fails("lost packets are cut out of the time")  # Asterisk: 10 s become 9.64 s; Janus's mix too
def _() -> None:
    script: Script = [{"repeat": {"times": 10, "steps": [say("a1")]}}]
    lossy = call(party(*script, **FIVE_PERCENT), party(*script, **FIVE_PERCENT)).pcm()
    assert lossy.shape == call(party(*script), party(*script)).pcm().shape
    for channel in lossy:
        shares = [share_there(channel, "a1", float(at)) for at in range(10)]
        assert min(shares) > 0.75
        assert 0.90 < np.mean(shares) < 1.0


@fails("packets are written in the order they come")  # Asterisk, FreeSWITCH: half is not found
def _() -> None:
    shuffled = {"delay": "0ms", "jitter": "60ms", "reorder": 0.3}
    script: Script = [wait(200), say("a1"), say("a2"), say("a3")]
    played = call(
        party(*script, network={"up": shuffled, "jitter_buffer": "100ms"}), party(say("b1"))
    )
    line = played.leg("a").line
    assert line is not None
    assert any(fate.kind == "reordered" for fate in line.phone.fates)
    a, b = played.pcm()
    in_order = after_codec(np.concatenate([noise(name) for name in ("a1", "a2", "a3")]), "PCMU")
    match = find_offset(a, in_order, 1600 + PATH + 320, 800)
    assert match is not None
    # Where the first, jittered packets put it, all of it, unbroken.
    assert abs(match.offset - (1600 + PATH + 320)) <= 480
    assert np.array_equal(a[match.offset : match.offset + 24000], in_order)
    there(b, "b1", 0.0)


@fails("a bad network on one leg damages the other leg too")  # FreeSWITCH: 26 % of it
def _() -> None:
    bad = {"jitter": "60ms", "loss": 0.1, "reorder": 0.2, "duplicate": 0.1}
    heard = [say("b1"), wait(70), say("b2"), say("b3")]
    impaired = call(party(say("a1"), network={"up": bad}), party(*heard)).pcm()[1]
    assert np.array_equal(impaired, call(party(say("a1")), party(*heard)).pcm()[1])
    there(impaired, "b3", 2.07)


@fails("what comes twice is written twice")  # recorders that place audio by counting packets
def _() -> None:
    twice = {"network": {"up": {"duplicate": 0.5}}}
    a, _ = call(party(say("a1"), say("a2"), say("a3"), **twice), party()).pcm()
    there(a, "a3", 2.0)


@fails("when one side lags, both lose what is queued")  # Asterisk empties both past 100 ms
def _() -> None:
    stalls = {"network": {"up": {"stalls": [{"at": "1s", "for": "700ms", "kind": "gap"}]}}}
    a, b = call(
        party(say("a1"), say("a2"), say("a3"), **stalls), party(say("b1"), say("b2"), say("b3"))
    ).pcm()
    assert share_there(a, "a2", 1.0) == pytest.approx(0.3, abs=0.03)
    there(a, "a3", 2.0)
    for number in (1, 2, 3):
        there(b, f"b{number}", number - 1.0)


@fails("a sender that froze shortens its track for ever")  # BigBlueButton #25259: by 18 s
def _() -> None:
    froze = {"network": {"up": {"stalls": [{"at": "2s", "for": "18s", "kind": "pause"}]}}}
    a, b = call(
        party(say("a1"), wait(22_000), say("a2"), **froze), party(wait(24_000), say("b1"))
    ).pcm()
    there(b, "b1", 24.0)
    match = find_offset(a, after_codec(noise("a2"), "PCMU"), 23 * 8000 + PATH, 800)
    assert match is not None
    assert match.correlation > 0.999
    assert abs(match.offset - (23 * 8000 + PATH)) <= DRIFT_BOUND


@fails("a clock that is off by 1000 ppm is followed by no one")  # Asterisk, rtpengine: 25 ms off
def _() -> None:
    clip = say("b1")["play"]
    script = [{"play": {"file": clip, "at": f"{at}s"}} for at in range(0, 100, 4)]
    slow = {"up": {"skew": -1000}}
    a, b = call(party(wait(90_000), say("a1")), party(*script, network=slow)).pcm()
    there(a, "a1", 90.0)
    for at in range(0, 100, 4):
        place = at * 8000 + PATH
        match = find_offset(b, after_codec(noise("b1"), "PCMU"), place, 800)
        assert match is not None
        assert abs(match.offset - place) <= DRIFT_BOUND


# -- who is in which channel ----------------------------------------------------------------


@fails("the channels are swapped by who sends first")  # rtpengine: 2 runs of 6; 3 s late: always
def _() -> None:
    for first, second in ((0, 3000), (3000, 0)):
        a, b = call(
            party(wait(first), say("a1"), dtx="silence"),
            party(wait(second), say("b1"), dtx="silence"),
        ).pcm()
        there(a, "a1", first / 1000)
        there(b, "b1", second / 1000)


@fails("both channels hold the mix")  # LiveKit agents #4462, egress #939
def _() -> None:
    a, b = call(party(say("a1")), party(wait(1500), say("b1"))).pcm()
    silent(a, 1.0)
    silent(b, 0.0, 1.5)


@fails("a conference's two channels are the same")  # FreeSWITCH #895: stereo is ignored there
def _() -> None:
    played = play(
        {
            "profile": "2025-09",
            "parties": {"a": party(say("a1")), "b": party(wait(1500), say("b1")), "c": party()},
            "conference": {
                "participants": ["a", "b", "c"],
                "recording": {"channels": "dual", "trim": "do-not-trim"},
            },
        }
    )
    a, rest = played.pcm()
    there(a, "a1", 0.0)
    there(rest, "b1", 1.5)
    silent(a, 1.0)
    silent(rest, 0.0, 1.5)


@fails("one recording's layout spoils another's")  # FreeSWITCH: a variable of the channel
def _() -> None:
    played = call(
        party(say("a1")),
        party(wait(1500), say("b1")),
        recordings=[
            {"name": "dual", "channels": "dual"},
            {"name": "in", "track": "inbound"},
            {"name": "out", "track": "outbound", "channels": "dual"},
            {"name": "cut", "channels": "dual", "pause": {"at": "2s", "for": "1s"}},
        ],
    )
    a, b = played.pcm("dual")
    there(a, "a1", 0.0)
    there(b, "b1", 1.5)
    assert np.array_equal(played.pcm("in"), [a])
    assert played.pcm("out").shape == (1, len(b))
    there(played.pcm("out")[0], "b1", 1.5)
    assert np.array_equal(played.pcm("cut")[:, :16000], played.pcm("dual")[:, :16000])


@fails("a channel falls silent after a minute")  # LiveKit: one track missing after 60 s
def _() -> None:
    script = [wait(75_000), say("a1")]
    a, b = call(party(*script), party(wait(74_500), say("b1"))).pcm()
    there(a, "a1", 75.0)
    there(b, "b1", 74.5)


# -- what is there at all -------------------------------------------------------------------


@fails("the last half second is lost")  # rtpengine: 480-500 ms at hang-up
def _() -> None:
    for who in (0, 1):
        scripts: list[Script] = [[wait(9000)], [wait(9000)]]
        scripts[who] = [say("a1"), say("a2"), "hangup"]
        pcm = call(party(*scripts[0]), party(*scripts[1])).pcm()
        there(pcm[who], "a2", 1.0)


@fails("the first words are cut off")  # FreeSWITCH: the first 40 ms and a frame of each leg
def _() -> None:
    a, b = call(party(say("a1")), party(say("b1"))).pcm()
    assert a[PATH] == after_codec(noise("a1"), "PCMU")[0]
    assert b[PATH] == after_codec(noise("b1"), "PCMU")[0]


@fails("the file ends in a burst of garbage")  # FreeSWITCH PR 3105
def _() -> None:
    for ending in ([wait(777)], [wait(777), "hangup"], [{"dtmf": "1"}, "hangup"]):
        a, b = call(party(say("a1"), *ending), party(say("b1"))).pcm()
        silent(a, 1.0)
        silent(b, 1.0)


@fails("the file goes on after the call")  # FreeSWITCH: 520 ms; rtpengine #1874
def _() -> None:
    played = call(party(say("a1"), wait(500), "hangup"), party())
    times = {kind: at_ns for at_ns, kind, _ in played.went_through()}
    seconds = (times["call.completed"] - times["recording.started"]) / 1e9
    assert played.pcm().shape[1] == round(seconds * 8000)
    assert played.pcm().shape[1] == 8000 + 4000 + PATH  # until the last packet is through


@fails("a side that never sends leaves no file")  # rtpengine #2021, pipecat #2780
def _() -> None:
    mute = {"network": {"up": {"one_way": True}}}
    a, b = call(party(say("a1"), **mute), party(say("b1"))).pcm()
    silent(a)
    there(b, "b1", 0.0)
    both = call(party(wait(1500), dtx="silence"), party(dtx="silence")).pcm()
    assert both.shape[0] == 2
    assert both.shape[1] >= 12000
    assert not both.any()


@fails("hold is not recorded")  # FreeSWITCH #248: the recording stops while the caller holds
def _() -> None:
    a, b = call(
        party(say("a1"), "hold", wait(200), say("a2"), wait(1300), "resume", say("a3")),
        party(wait(1500), say("b1"), wait(1000), say("b2")),
    ).pcm()
    there(a, "a2", 1.2)
    there(a, "a3", 3.5)
    there(b, "b1", 1.5)
    there(b, "b2", 3.5)


@fails("a transfer ends the recording, or moves what follows")  # FreeSWITCH #1319
def _() -> None:
    played = call(
        party(say("a1"), wait(4000), say("a2")),
        party(say("b1")),
        others={"c": party(say("b2"))},
        transfer={"to": "c", "at": "2s", "answer": "1s"},
    )
    a, b = played.pcm()
    there(a, "a1", 0.0)
    there(a, "a2", 5.0)
    there(b, "b1", 0.0)
    there(b, "b2", 3.0)


@fails("who joins while it is paused is recorded all the same")  # VoiceBlender tests for it
def _() -> None:
    played = play(
        {
            "parties": {
                "a": party(say("a1"), wait(2000), say("a2")),
                "b": party(say("b1")),
                "c": party(),
            },
            "conference": {
                "participants": ["a", "c", {"party": "b", "join": "1500ms"}],
                "recording": {"trim": "do-not-trim", "pause": {"at": "1200ms", "for": "1600ms"}},
            },
            "profile": "2022-05",
        }
    )
    (mix,) = played.pcm()
    there(mix, "a1", 0.0)
    there(mix, "a2", 3.0)
    silent(mix, 1.15, 2.7)  # b spoke from 1.5 to 2.5


@fails("silence is missing while nobody is dialled")  # FreeSWITCH #2584: nothing while it idles
def _() -> None:
    a, b = call(
        party(say("a1"), wait(4500), say("a2"), dtx="silence"),
        party(say("b1")),
        dial_after="4s",
        recordings=[{"channels": "dual", "of": "call"}],
    ).pcm()
    there(a, "a2", 5.5)
    there(b, "b1", 4.0)
    silent(b, 0.0, 3.9)


@fails("keys pressed damage the audio")  # rtpengine #861
def _() -> None:
    keys = {"dtmf": {"digits": "12#", "tone": "120ms", "gap": "80ms"}}
    a, b = call(party(say("a1"), keys, wait(37), say("a2")), party(say("b1"), say("b2"))).pcm()
    there(a, "a1", 0.0)
    there(b, "b2", 1.0)
    silent(a, 1.0, 1.637)  # as events they are not heard
    there(a, "a2", 1.637)


@fails("different codecs on the two legs break the file")  # Asterisk #1276, #1779
def _() -> None:
    for codec in ("G722", "OPUS"):
        played = call(
            party({"noise": {"kind": "babble", "for": "2s", "level": -15}}, codec=codec),
            party(wait(500), say("b1"), codec="PCMA"),
        )
        a, b = played.pcm()
        there(b, "b1", 0.5, codec="PCMA")
        (said,) = played.truth().channels[0].intervals
        match = find_offset(a, said.pcm, PATH, 800)
        assert match is not None
        assert match.correlation > 0.8
        assert abs(match.offset - PATH) <= 1  # its filters are a fraction of a sample off


# -- the file itself ------------------------------------------------------------------------


@fails("the file has channels nobody asked for, or no header")  # rtpengine: 4; Asterisk: raw
def _() -> None:
    played = call(party(say("a1")), party(say("b1")))
    data = played.wav()
    samples = played.result.recording().record.samples
    assert samples == played.pcm().shape[1]
    assert data[:4] + data[8:16] == b"RIFFWAVEfmt "
    assert int.from_bytes(data[22:24], "little") == 2
    assert int.from_bytes(data[24:28], "little") == 8000


@fails("the header says another length than the file has")  # FreeSWITCH #1787: 44 bytes of file
def _() -> None:
    played = call(party(say("a1"), wait(23_000)), party(say("b1")))
    data = played.wav()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert int.from_bytes(data[40:44], "little") == len(data) - 44
    assert len(data) - 44 >= 24 * 8000 * 4
