"""``run --pcap``: what tshark reads of a run is what the run reports."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captured_calls import ANN, BOB, both_recordings, call, captured, imported, mediasim

from mediasim.audio.tones import noise
from mediasim.captures.pcap import Datagram, datagram_in, read_capture
from mediasim.exchange.dates import Dates
from mediasim.media.far_end import FarEndListener
from mediasim.media.leg import Leg
from mediasim.net.rtp_endpoint import RtpEndpoint
from mediasim.rtp.rtcp import Bye, SenderReport, parse
from mediasim.rtp.sender import RtpSender
from mediasim.scenario.model.load import parse_scenario
from mediasim.scenario.report.build import run_report
from mediasim.scenario.running.runner import run_scenario

ROUGH = {"network": {"delay": "30ms", "jitter": "15ms", "loss": "5%"}}
WILD = {"network": {"delay": "50ms", "jitter": {"normal": "20ms"}, "loss": "3%", "reorder": "4%"}}
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def datagrams(capture: Path) -> list[Datagram]:
    found = read_capture(capture.read_bytes())
    assert not found.truncated
    whole = [datagram_in(frame) for frame in found.frames]
    assert None not in whole
    return [each for each in whole if each is not None]


def tshark_streams(capture: Path) -> dict[str, tuple[int, int, float, float]]:
    """By SSRC, as tshark has it: packets, lost, mean and greatest jitter in ms."""
    words = [
        "tshark",
        "-r",
        str(capture),
        "-o",
        "rtp.heuristic_rtp:TRUE",
        "-q",
        "-z",
        "rtp,streams",
    ]
    table = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
    found = {}
    for line in table.splitlines():
        if ssrc := re.search(r"0x[0-9A-F]{8}", line):
            counted = re.search(r" (\d+) +(-?\d+) \([-\d.]+%\)(.*)", line[ssrc.end() :])
            assert counted is not None, line
            times = re.findall(r"[\d.]+", counted[3])
            found[ssrc[0].lower()] = (
                int(counted[1]),
                int(counted[2]),
                float(times[4]),
                float(times[5]),
            )
    return found


@needs_tshark
@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
def test_tshark_finds_the_losses_and_the_jitter_that_are_reported(
    codec: str, tmp_path: Path
) -> None:
    run, capture = captured(call(ROUGH, {**WILD, "codec": codec}, 6.0), tmp_path)
    theirs = tshark_streams(capture)
    assert len(theirs) == 4
    result = mediasim("import", capture, "--list", "--json")
    ours = {each["ssrc"]: each for each in json.loads(result.stdout)["streams"]}
    assert ours.keys() == theirs.keys()
    for ssrc, (packets, lost, mean, most) in theirs.items():
        assert (ours[ssrc]["packets"], ours[ssrc]["lost"]) == (packets, lost)
        assert ours[ssrc]["mean_jitter_ms"] == pytest.approx(mean, abs=0.002)
        assert ours[ssrc]["max_jitter_ms"] == pytest.approx(most, abs=0.002)
    for reported, live in zip(run_report(run, []).calls, run.exchange.calls, strict=True):
        (up,) = (each for each in reported.streams if each.direction == "up")
        assert live.line is not None
        ssrc = f"0x{live.line.phone.format.ssrc:08x}"
        assert (up.received, reported.rtcp[-1].cumulative_lost) == theirs[ssrc][:2]
        if not up.reordered:  # else one may still be on its way when a later one has come
            assert up.lost == theirs[ssrc][1]
        assert up.lost > 5
        assert up.jitter_ms == pytest.approx(ours[ssrc]["jitter_ms"], abs=0.002)
        assert up.jitter_ms > 3


def test_a_capture_is_the_same_again_and_changes_nothing(tmp_path: Path) -> None:
    scenario = call(ROUGH, WILD)
    run, capture = captured(scenario, tmp_path / "one")
    _, same = captured(scenario, tmp_path / "same")
    _, by_frames = captured(scenario, tmp_path / "frames", block=1)
    assert capture.read_bytes() == same.read_bytes() == by_frames.read_bytes()
    plain = run_scenario(scenario, tmp_path / "plain")
    assert plain.pcap is None
    assert not (tmp_path / "plain/captures").exists()
    media = [each.exchange.store.wav_path(each.exchange.recordings[0].sid) for each in (run, plain)]
    assert media[0].read_bytes() == media[1].read_bytes()


def test_reports_are_in_it_and_times_are_dates_of_the_run(tmp_path: Path) -> None:
    run, capture = captured(call({}, {}, 6.0), tmp_path)
    found = datagrams(capture)
    began = Dates().unix_ns(0)
    assert found[0].at_ns == began + 20_000_000
    reports = [each for each in found if each.payload[1] in range(200, 205)]
    assert [each.payload for each in reports if each.source == ("10.0.0.1", 20001)] == [
        packet for _, packet in run.exchange.calls[0].rtcp
    ]
    assert {each.destination for each in reports} == {("10.1.0.1", 4001), ("10.1.0.2", 4001)}
    first, *_ = parse(reports[0].payload)
    assert isinstance(first, SenderReport)
    assert any(isinstance(each, Bye) for each in parse(reports[-1].payload))
    sent = [each for each in found if each.source == ("10.0.0.1", 20000) and each not in reports]
    before = [each for each in sent if each.at_ns <= reports[0].at_ns]
    assert first.packet_count == len(before)


@pytest.mark.realtime
@pytest.mark.parametrize("shared", [False, True], ids=["ports", "shared"])
def test_what_crossed_sockets_is_captured_as_in_virtual_time(shared: bool, tmp_path: Path) -> None:
    scenario = call(ROUGH, {"codec": "PCMA"}, 1.0)
    _, virtual = captured(scenario, tmp_path / "virtual")
    run, real = captured(scenario, tmp_path / "real", realtime=True, shared_socket=shared)
    if any("read too late" in words for words in run.warnings):
        pytest.skip("the machine was too busy to receive in time")
    assert real.read_bytes() == virtual.read_bytes()


class Caller(threading.Thread):
    """A telephone somewhere else: sends noise for a second, and keeps what it is sent."""

    def __init__(self, to: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self._to = to
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        self.sent: list[bytes] = []
        self.received: list[bytes] = []

    def run(self) -> None:
        sender = RtpSender("PCMU", ssrc=3, first_sequence=65_500)
        said = noise("white", 50 * 160, -20, np.random.default_rng(1))
        (packets,) = sender.packets(said.reshape(-1, 160), 0)
        self._socket.settimeout(0.02)
        for packet in packets:
            self._socket.sendto(packet.tobytes(), self._to)
            self.sent.append(packet.tobytes())
            with contextlib.suppress(TimeoutError):
                self.received.append(self._socket.recv(2048))
                time.sleep(0.02)
        self._socket.close()


@pytest.mark.realtime
def test_a_far_end_elsewhere_is_captured_with_its_own_addresses(tmp_path: Path) -> None:
    scenario = parse_scenario(
        {
            "parties": {
                "ann": {"endpoint": {"local": "127.0.0.1:0"}},
                "bob": {"script": [{"tone": {"hz": 440, "for": "1s"}}, "hangup"]},
            },
            "call": {"from": "ann", "to": "bob", "recording": "dual", "answer": "300ms"},
        }
    )
    callers: list[Caller] = []
    opened = RtpEndpoint.connect

    def connect(self: RtpEndpoint, leg: Leg, listener: FarEndListener) -> Any:
        callers.append(Caller(self.local))
        callers[0].start()
        return opened(self, leg, listener)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RtpEndpoint, "connect", connect)
        run, capture = captured(scenario, tmp_path, realtime=True)
    (caller,) = callers
    caller.join()
    found = datagrams(capture)
    came = [each for each in found if each.source == caller.address]
    # What it sent before the leg was up is not the leg's.
    first = caller.sent.index(came[0].payload)
    assert first <= 2
    assert [each.payload for each in came] == caller.sent[first : first + len(came)]
    assert len(came) > 30
    went = [each for each in found if each.destination == caller.address]
    assert {each.source for each in went} == {came[0].destination}
    assert set(caller.received) <= {each.payload for each in went}
    assert len(caller.received) > 20
    reports = [each for each in found if each.destination == ("127.0.0.1", caller.address[1] + 1)]
    assert reports
    told = imported(capture, tmp_path / "import", "--caller", "3", "--callee", BOB)
    own, other = both_recordings(run, told, tmp_path / "import")
    assert own.any(axis=1).all()
    assert np.array_equal(own, other)


def test_the_command_names_its_captures(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(
        """
        matrix: {parties.bob.codec: [PCMU, OPUS]}
        parties: {ann: {script: [{tone: {hz: 440, for: 1s}}]}, bob: {}}
        call: {from: ann, to: bob, recording: dual}
        """,
        "utf-8",
    )
    out = tmp_path / "out"
    result = mediasim("run", file, "--pcap", "--out", out, "--format", "json")
    assert result.exit_code == 0, result.output
    names = [run["pcap"] for run in json.loads(result.stdout)["runs"]]
    assert names == ["captures/two-codec=PCMU.pcap", "captures/two-codec=OPUS.pcap"]
    who = ("--caller", ANN, "--callee", BOB, "--codec", "111=opus")
    for name in names:
        assert len(imported(out / name, tmp_path / "imported", *who)["sides"]) == 2
