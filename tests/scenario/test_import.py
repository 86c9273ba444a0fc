"""``mediasim import``: recordings made of captures, held against those of the captured runs."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attacks import times
from captured_calls import ANN, BOB, both_recordings, call, captured, imported, mediasim, pcm_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.audio.wav import read_wav
from mediasim.captures.pcap import CapturedFrame, Datagram, capture_bytes, datagram_in, read_capture
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.build import run_report
from mediasim.seeds import Seeds

WHO = ("--caller", ANN, "--callee", BOB)
UNIX_NS = 1_700_000_000_000_000_000
HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


# -- captured runs ---------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "OPUS"])
def test_a_captured_call_gives_the_run_s_own_recording(codec: str, tmp_path: Path) -> None:
    rough = {"network": {"delay": "30ms", "jitter": "15ms", "loss": "4%", "duplicate": "3%"}}
    run, capture = captured(call({**rough, "codec": codec}, {}), tmp_path / "run")
    told = imported(capture, tmp_path / "import", *WHO, "--codec", "111=opus")
    own, other = both_recordings(run, told, tmp_path / "import")
    assert own.shape[1] > 2 * 8000
    assert np.array_equal(own, other)
    assert own.any(axis=1).all()
    for side, reported in zip(told["sides"], run_report(run, []).calls, strict=True):
        (up,) = (each for each in reported.streams if each.direction == "up")
        assert side["packets"] == up.received
        for name in ("codec", "lost", "late", "duplicates", "reordered", "jitter_ms"):
            assert side[name] == getattr(up, name), name


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10_000),
    delay=st.integers(0, 200),
    jitter=st.integers(0, 60),
    loss=st.sampled_from([0, 5, 30]),
    skew=st.sampled_from([-300, 0, 300]),
    ptime=st.sampled_from([20, 40, 60]),
)
def test_whatever_the_network_did_the_import_is_the_recording(
    seed: int, delay: int, jitter: int, loss: int, skew: int, ptime: int, tmp_path: Path
) -> None:
    """The same packets at the same times are played the same, late and lost ones too."""
    network = {
        "delay": f"{delay}ms",
        "jitter": f"{jitter}ms",
        "loss": f"{loss}%",
        "skew": f"{skew}ppm",
    }
    bad = {"network": network, "ptime": f"{ptime}ms"}
    directory = tmp_path / f"{seed}-{delay}-{jitter}-{loss}-{skew}-{ptime}"
    run, capture = captured(call(bad, {}), directory, seed=seed)
    told = imported(capture, directory, *WHO)
    own, other = both_recordings(run, told, directory)
    assert np.array_equal(own, other)


def test_one_leg_s_two_directions_are_a_call_too(tmp_path: Path) -> None:
    """What a telephone is sent has been through the server: the same, five frames later."""
    run, capture = captured(call({}, {}), tmp_path)
    told = imported(capture, tmp_path / "import", "--caller", ANN)
    assert [side["source"] for side in told["sides"]] == ["10.1.0.1:4000", "10.0.0.1:20000"]
    own, other = both_recordings(run, told, tmp_path / "import")
    assert np.array_equal(own[0], other[0])
    later = 5 * 160
    assert own[1].any()
    assert np.array_equal(own[1, :-later], other[1, later:])


def test_an_import_is_the_same_again_and_other_choices_are_others(tmp_path: Path) -> None:
    _, capture = captured(call({}, {}), tmp_path)
    choices = [WHO, WHO, ("--caller", BOB, "--callee", ANN), (*WHO, "--channels", "mono")]
    out = [tmp_path / str(number) for number in range(len(choices))]
    told = [imported(capture, where, *words) for where, words in zip(out, choices, strict=True)]
    assert told[0] == told[1]
    left = [
        {str(path.relative_to(where)): path.read_bytes() for path in where.rglob("RE*")}
        for where in out
    ]
    assert left[0] == left[1]
    assert len(left[0]) == 4  # the media, its document, its truth and its (empty) reference
    assert len({each["recording"]["sid"] for each in told}) == 3
    swapped = pcm_of(told[2], out[2])
    assert np.array_equal(swapped[::-1], pcm_of(told[0], out[0]))


def test_keys_are_no_sound_and_are_not_lost(tmp_path: Path) -> None:
    scenario = parse_scenario(
        {
            "parties": {"ann": {"script": [{"dtmf": "12#"}]}, "bob": {"script": [{"pause": "2s"}]}},
            "call": {"from": "ann", "to": "bob", "recording": "dual"},
        }
    )
    run, capture = captured(scenario, tmp_path)
    told = imported(capture, tmp_path / "import", *WHO)
    own, other = both_recordings(run, told, tmp_path / "import")
    assert np.array_equal(own, other)
    caller = told["sides"][0]
    assert (caller["lost"], caller["max_jitter_ms"], told["warnings"]) == (0, 0, [])


# -- captures of somebody else's ---------------------------------------------------------------


def said(label: str, seconds: float) -> bytes:
    """Noise as u-law."""
    pcm = noise("white", round(seconds * 8000), -20.0, Seeds(5).generator(label))
    return ulaw_encode(pcm).tobytes()


def rtp(
    source: tuple[str, int],
    destination: tuple[str, int],
    sound: bytes,
    *,
    begins: float = 0.0,
    ssrc: int = 1,
    payload_type: int = 0,
) -> list[Datagram]:
    """A stream of 20 ms packets."""
    return [
        Datagram(
            UNIX_NS + round(begins * 1e9) + number * 20_000_000,
            source,
            destination,
            struct.pack(">BBHII", 0x80, payload_type, 65_530 + number & 0xFFFF, 160 * number, ssrc)
            + sound[160 * number : 160 * number + 160],
        )
        for number in range(len(sound) // 160)
    ]


def written(path: Path, datagrams: Iterable[Datagram]) -> Path:
    path.write_bytes(capture_bytes(sorted(datagrams, key=lambda each: each.at_ns)))
    return path


def two(**more: Any) -> list[Datagram]:
    """A call of two seconds; the second side is heard half a second later."""
    return [
        *rtp(HERE, THERE, said("here", 2.0), ssrc=0xAB, **more),
        *rtp(THERE, HERE, said("there", 1.5), begins=0.5, ssrc=0xCD, **more),
    ]


def place_of(channel: np.ndarray, sound: bytes) -> int:
    """Where a sound stands, to the sample; -1: nowhere."""
    wanted = ulaw_decode(np.frombuffer(sound, np.uint8))
    for at in np.flatnonzero(channel == wanted[0]).tolist():
        if np.array_equal(channel[at : at + len(wanted)], wanted):
            return int(at)
    return -1


def test_each_side_stands_in_its_channel_where_its_time_says(tmp_path: Path) -> None:
    capture = written(tmp_path / "call.pcap", two())
    told = imported(capture, tmp_path)
    pcm = pcm_of(told, tmp_path)
    assert pcm.shape[0] == 2
    first = place_of(pcm[0], said("here", 2.0))
    second = place_of(pcm[1], said("there", 1.5))
    assert 0 < first < 1000
    assert second - first == 4000
    assert told["recording"]["begins"] == "2023-11-14T22:13:19.980+00:00"
    assert [side["ssrcs"] for side in told["sides"]] == [["0x000000ab"], ["0x000000cd"]]
    assert [side["seconds"] for side in told["sides"]] == [1.98, 1.48]
    (warning,) = told["warnings"]
    assert "nothing in the capture says who called" in warning
    document = json.loads((tmp_path / told["recording"]["json"]).read_text("utf-8"))
    assert document["channels"] == 2
    assert document["start_time"] == "Tue, 14 Nov 2023 22:13:19 +0000"
    parties = [entry["party"] for entry in document["channel_map"]["channels"]]
    assert parties == ["192.0.2.1:4000", "192.0.2.2:5000"]


def test_what_is_not_known_is_unscripted(tmp_path: Path) -> None:
    datagrams = two()
    del datagrams[10:13]
    told = imported(written(tmp_path / "call.pcap", datagrams), tmp_path)
    truth = json.loads((tmp_path / told["recording"]["truth"]).read_text("utf-8"))
    assert [each["unscripted"] for each in truth["channels"]] == [
        ["192.0.2.1:4000"],
        ["192.0.2.2:5000"],
    ]
    assert [each["intervals"] for each in truth["channels"]] == [[], []]
    gap, after = truth["channels"][0]["missing"]
    assert (gap["end"] - gap["start"], gap["why"]) == (3 * 160, "lost")
    assert (after["end"], after["why"]) == (truth["samples"], "stalled")
    pcm = pcm_of(told, tmp_path)
    assert not pcm[0, gap["start"] : gap["end"]].any()
    assert place_of(pcm[0], said("here", 2.0)[13 * 160 :]) == gap["end"]
    assert told["sides"][0]["lost"] == 3


def test_what_is_not_known_is_compared_with_nothing(tmp_path: Path) -> None:
    told = imported(written(tmp_path / "call.pcap", two()), tmp_path)
    found = mediasim("analyze", tmp_path / told["recording"]["file"])
    assert found.exit_code == 0
    assert "not simulated, so unknown, is 192.0.2.1:4000, 192.0.2.2:5000" in " ".join(
        found.output.split()
    )
    assert "error" not in found.output
    verified = mediasim("verify", tmp_path / told["recording"]["file"])
    assert verified.exit_code == 1, "nothing could be measured"
    assert "what 192.0.2.1:4000 said, not being simulated" in verified.output


def test_a_recording_from_the_answer_begins_when_both_are_there(tmp_path: Path) -> None:
    capture = written(tmp_path / "call.pcap", two())
    whole = imported(capture, tmp_path)
    told = imported(capture, tmp_path, "--from-answer")
    later = told["recording"]["begins_unix_ns"] - whole["recording"]["begins_unix_ns"]
    assert later == 500_000_000
    pcm, all_of_it = pcm_of(told, tmp_path), pcm_of(whole, tmp_path)
    assert np.array_equal(pcm, all_of_it[:, 4000:])


def test_an_answer_may_come_late(tmp_path: Path) -> None:
    datagrams = [
        *rtp(HERE, THERE, said("waits", 42.0), ssrc=1),
        *rtp(THERE, HERE, said("late", 1.0), begins=40.0, ssrc=2),
    ]
    told = imported(written(tmp_path / "call.pcap", datagrams), tmp_path, "--from-answer")
    assert told["recording"]["seconds"] == pytest.approx(2.1, abs=0.05)
    pcm = pcm_of(told, tmp_path)
    late = place_of(pcm[1], said("late", 1.0))
    assert place_of(pcm[0], said("waits", 42.0)[40 * 8000 : 41 * 8000]) == late


def test_a_mono_recording_has_a_plain_download_of_one_channel(tmp_path: Path) -> None:
    capture = written(tmp_path / "call.pcap", two())
    told = imported(capture, tmp_path, "--channels", "mono")
    assert told["recording"]["channels"] == 1
    assert pcm_of(told, tmp_path).shape[0] == 2
    mono = read_wav(tmp_path / told["recording"]["download"]).pcm
    assert mono.shape[0] == 1
    assert mono.any()


def test_a_new_ssrc_in_the_middle_is_the_same_side(tmp_path: Path) -> None:
    more = said("more", 1.0)
    datagrams = [*two(), *rtp(HERE, THERE, more, begins=2.1, ssrc=0xEF)]
    told = imported(written(tmp_path / "call.pcap", datagrams), tmp_path)
    assert told["sides"][0]["ssrcs"] == ["0x000000ab", "0x000000ef"]
    pcm = pcm_of(told, tmp_path)
    first, second = place_of(pcm[0], said("here", 2.0)), place_of(pcm[0], more)
    assert second - first == round(2.1 * 8000)


def test_a_codec_is_named_by_whoever_knows_it(tmp_path: Path) -> None:
    capture = written(tmp_path / "call.pcap", two(payload_type=97))
    refused = mediasim("import", capture, "--out", tmp_path)
    assert refused.exit_code == 2
    assert "--codec 97=opus" in refused.stderr
    told = imported(capture, tmp_path, "--codec", "97=pcmu")
    assert place_of(pcm_of(told, tmp_path)[0], said("here", 2.0)) > 0
    wrong = mediasim("import", capture, "--codec", "97=mp3")
    assert wrong.exit_code == 2
    assert "pcmu, pcma, g722, opus, telephone-event, cn" in wrong.stderr


def test_what_is_not_heard_is_told(tmp_path: Path) -> None:
    datagrams = two()
    for number in range(20, 30):
        old = datagrams[number].payload
        datagrams[number] = replace(datagrams[number], payload=b"\x80\x60" + old[2:])
    told = imported(written(tmp_path / "call.pcap", datagrams), tmp_path, "--caller", "0xab")
    (warning,) = told["warnings"]
    assert warning == "10 packets from 192.0.2.1:4000 have payload type 96 and are not heard"


# -- signalling ------------------------------------------------------------------------------


def sip(
    at: float, first_line: str, tag: str, branch: str, media: tuple[str, int], *rtpmap: str
) -> Datagram:
    numbers = " ".join(each.split()[0] for each in rtpmap)
    body = "\r\n".join(
        (
            "v=0",
            f"o=- 1 1 IN IP4 {media[0]}",
            "s=-",
            f"c=IN IP4 {media[0]}",
            "t=0 0",
            f"m=audio {media[1]} RTP/AVP {numbers}",
            *(f"a=rtpmap:{each}" for each in rtpmap),
            "",
        )
    )
    head = f"{first_line}\r\nVia: SIP/2.0/UDP 192.0.2.9;rport;branch={branch}\r\n"
    head += f"To: <sip:bob@example.com>{tag}\r\nCSeq: 1 INVITE\r\n"
    head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    address = (media[0], 5060)
    return Datagram(UNIX_NS + round(at * 1e9), address, ("192.0.2.9", 5060), (head + body).encode())


def test_the_invite_in_the_capture_says_who_called_and_in_what(tmp_path: Path) -> None:
    maps = "97 PCMU/8000", "99 telephone-event/8000"
    signalling = [
        sip(-2.0, "INVITE sip:bob@example.com SIP/2.0", "", "z9a", THERE, *maps),
        sip(-0.1, "SIP/2.0 200 OK", ";tag=1", "z9a", HERE, *maps),
        # A re-INVITE is sent, and answered, by either.
        sip(0.1, "INVITE sip:ann@example.com SIP/2.0", ";tag=2", "z9b", HERE, *maps),
        sip(0.2, "SIP/2.0 200 OK", ";tag=2", "z9b", THERE, *maps),
    ]
    capture = written(tmp_path / "call.pcap", [*signalling, *two(payload_type=97)])
    told = imported(capture, tmp_path)
    assert [side["source"] for side in told["sides"]] == ["192.0.2.2:5000", "192.0.2.1:4000"]
    assert told["order"] == "by the INVITE in the capture"
    assert told["warnings"] == []
    assert place_of(pcm_of(told, tmp_path)[1], said("here", 2.0)) > 0


def test_a_codec_that_is_not_read_is_named(tmp_path: Path) -> None:
    invite = sip(-2.0, "INVITE sip:bob@example.com SIP/2.0", "", "z9a", THERE, "97 G729/8000")
    capture = written(tmp_path / "call.pcap", [invite, *two(payload_type=97)])
    refused = mediasim("import", capture, "--out", tmp_path)
    assert refused.exit_code == 2
    assert "is 'G729', which is not read here" in refused.stderr


def test_signalling_that_makes_no_sense_is_passed_over(tmp_path: Path) -> None:
    nonsense = [
        Datagram(UNIX_NS, HERE, THERE, b"INVITE x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=1\r\nm=??"),
        Datagram(UNIX_NS, HERE, THERE, b"SIP/2.0 \xff\xfe\r\n\r\n\x00"),
    ]
    told = imported(written(tmp_path / "call.pcap", [*nonsense, *two()]), tmp_path)
    assert told["sides"][0]["source"] == "192.0.2.1:4000"


# -- choices that have to be made ------------------------------------------------------------


def test_several_calls_are_listed_and_one_is_chosen(tmp_path: Path) -> None:
    elsewhere = ("192.0.2.3", 6000)
    more = [
        *rtp(elsewhere, THERE, said("third", 2.0), ssrc=0x11),
        *rtp(THERE, elsewhere, said("fourth", 2.0), ssrc=0x22),
    ]
    capture = written(tmp_path / "calls.pcap", [*two(), *more])
    refused = mediasim("import", capture, "--out", tmp_path)
    assert refused.exit_code == 2
    first, *listed = refused.stderr.splitlines()
    assert first.endswith("choose with --caller, or with --caller and --callee")
    assert "192.0.2.3:6000 > 192.0.2.2:5000  SSRC 0x00000011  PCMU, 100 packets" in listed[2]
    assert not (tmp_path / "recordings").exists()
    listed_only = mediasim("import", capture, "--list", "--json")
    assert listed_only.exit_code == 0
    found = json.loads(listed_only.stdout)
    assert [stream["ssrc"] for stream in found["streams"]] == [
        "0x000000ab",
        "0x00000011",
        "0x00000022",
        "0x000000cd",
    ]
    assert found["pairs"] == [[[1], [4]], [[2], [3]]]
    by_address = imported(capture, tmp_path, "--caller", "192.0.2.3")
    assert [side["ssrcs"] for side in by_address["sides"]] == [["0x00000011"], ["0x00000022"]]
    by_callee = imported(capture, tmp_path, "--callee", str(0x11))
    assert [side["ssrcs"] for side in by_callee["sides"]] == [["0x00000022"], ["0x00000011"]]
    mixed = imported(capture, tmp_path, "--caller", "192.0.2.1:4000", "--callee", "192.0.2.3:6000")
    assert [side["ssrcs"] for side in mixed["sides"]] == [["0x000000ab"], ["0x00000011"]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--caller", "192.0.2.7"), "no stream comes from there or has that SSRC"),
        (("--caller", "0xab", "--callee", "171"), "name the same stream"),
        (("--callee", "0x77"), "no stream comes from there or has that SSRC"),
        (("--caller", "0x99"), "no stream answers that from 192.0.2.1:4002: name the other with"),
        (("--caller", "192.0.2.1"), "2 streams come from there; name one by its port or SSRC"),
        (("--caller", "0xab", "--callee", "0x99"), "were not there at the same time"),
    ],
)
def test_choices_that_cannot_be(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    alone = rtp(("192.0.2.1", 4002), THERE, said("alone", 1.0), begins=60, ssrc=0x99)
    capture = written(tmp_path / "call.pcap", [*two(), *alone])
    refused = mediasim("import", capture, "--out", tmp_path, *words)
    assert refused.exit_code == 2
    assert expected in refused.stderr.splitlines()[0]


def test_one_direction_alone_is_a_call_with_a_silent_side(tmp_path: Path) -> None:
    capture = written(tmp_path / "half.pcap", rtp(HERE, THERE, said("here", 2.0)))
    told = imported(capture, tmp_path, "--caller", HERE[0])
    pcm = pcm_of(told, tmp_path)
    assert place_of(pcm[0], said("here", 2.0)) >= 0
    assert not pcm[1].any()
    assert told["warnings"] == ["nothing from 192.0.2.2:5000 was captured: its channel is silent"]


# -- files that are no captures ----------------------------------------------------------------


def test_bad_files_are_refused_in_a_line(tmp_path: Path) -> None:
    good = capture_bytes(two())
    long_ago = [replace(each, at_ns=each.at_ns + 10**9 * 86400 * 2) for each in two()[:50]]
    files = {
        "nothing.pcap": (b"", "begins like neither"),
        "text.pcap": (b"hello, world", "begins like neither"),
        "head.pcap": (good[:20], "ends within its header"),
        "cut.pcap": (good[:-7], "ends in the middle of a frame, after 174 whole ones: --partial"),
        "sip.pcap": (capture_bytes([Datagram(0, HERE, THERE, b"hello")]), "no RTP streams among 1"),
        "times.pcap": (in_the_year_2300(good), "the times of its frames are no dates"),
        "days.pcap": (capture_bytes([*two(), *long_ago]), "for more than a day"),
    }
    for name, (data, expected) in files.items():
        (tmp_path / name).write_bytes(data)
        refused = mediasim("import", tmp_path / name, "--out", tmp_path / "out")
        assert refused.exit_code == 2, name
        assert expected in refused.stderr, name
        assert refused.stderr.count("\n") == 1, name
        assert not (tmp_path / "out/recordings").exists()
    absent = mediasim("import", tmp_path / "absent.pcap")
    assert (absent.exit_code, absent.stderr.count("\n")) == (2, 1)
    folder = mediasim("import", tmp_path)
    assert (folder.exit_code, folder.stderr.count("\n")) == (2, 1)


def in_the_year_2300(capture: bytes) -> bytes:
    """As pcapng, whose times have 64 bits."""
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 101, 0, 65535, 20)
    blocks = [section, interface]
    for frame in read_capture(capture).frames:
        units = 10_413_792_000 * 1_000_000
        size = 32 + -(-len(frame.data) // 4) * 4
        head = struct.pack("<IIIIIII", 6, size, 0, units >> 32, units & 0xFFFFFFFF, *_sizes(frame))
        blocks += [head, frame.data, bytes(size - 32 - len(frame.data)), struct.pack("<I", size)]
    return b"".join(blocks)


def _sizes(frame: CapturedFrame) -> tuple[int, int]:
    return len(frame.data), len(frame.data)


def test_what_there_is_of_a_cut_capture_can_be_had(tmp_path: Path) -> None:
    capture = tmp_path / "cut.pcap"
    capture.write_bytes(capture_bytes(sorted(two(), key=lambda each: each.at_ns))[:-7])
    told = imported(capture, tmp_path, "--partial")
    assert told["warnings"][0].startswith("the capture ends in the middle of a frame")
    assert told["sides"][0]["packets"] + told["sides"][1]["packets"] == 174


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    capture = written(tmp_path / "call.pcap", two())
    (tmp_path / "file").write_text("no folder", "utf-8")
    refused = mediasim("import", capture, "--out", tmp_path / "file")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("cannot write to")


@settings(
    max_examples=times(25, 400),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_captures_never_break_it(data: st.DataObject, tmp_path: Path) -> None:
    good = bytearray(capture_bytes(sorted(two(), key=lambda each: each.at_ns)))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    capture = tmp_path / "damaged.pcap"
    capture.write_bytes(good)
    result = mediasim("import", capture, "--out", tmp_path / "out", "--partial")
    assert result.exit_code in (0, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == 0 or len(result.stderr.splitlines()) == 1, result.stderr


def test_frames_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    """A capture of several interfaces may hold them one after the other."""
    capture = tmp_path / "interfaces.pcap"
    capture.write_bytes(capture_bytes(two()))
    found = [datagram_in(frame) for frame in read_capture(capture.read_bytes()).frames]
    assert found == two()
    told = imported(capture, tmp_path / "as-is")
    same = imported(written(tmp_path / "sorted.pcap", two()), tmp_path / "sorted")
    assert np.array_equal(pcm_of(told, tmp_path / "as-is"), pcm_of(same, tmp_path / "sorted"))
