"""A codec that is added here, by one row and one coder, works wherever codecs are known."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captured_calls import ANN, BOB, both_recordings, call, captured, imported
from numpy.typing import NDArray
from typer.testing import CliRunner
from udp_ports import free_port, wait_until_open

import mediasim
from mediasim.audio.codecs import (
    CODECS,
    Codec,
    EquipmentFactors,
    FrameCoder,
    SampleCoder,
    register,
)
from mediasim.audio.wav import write_wav
from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError
from mediasim.net.sdp import agreed, answer, offer, parse_sdp
from mediasim.rtp.reception import emodel_mos
from mediasim.rtp.sender import RtpSender
from mediasim.scenario.fuzz.draw_parties import Draws, draw_party
from mediasim.scenario.model.load import parse_scenario, scenario_schema
from mediasim.scenario.model.starter import starter_scenario
from mediasim.scenario.running.simulate import Result
from mediasim.seeds import Seeds
from mediasim.truth.measure import find_within
from mediasim.truth.reference import reference_of

Samples = NDArray[np.int16]


# -- two toys -------------------------------------------------------------------------------------

LINEAR = Codec(
    "L16",
    97,
    SampleCoder(
        lambda pcm: pcm.astype(">i2").view(np.uint8),
        lambda octets: octets.view(">i2").astype(np.int16),
        octets=2,
    ),
    ptimes=(10, 20, 40),
    aliases=("slin",),
)
"""Samples as they are (RFC 3551 section 4.5.11)."""


class Differences:
    """Codes each sample by how far it is from the one before, which must therefore have come."""

    def __init__(self) -> None:
        self._last = np.zeros(1, np.int16)

    def encode(self, pcm: Samples) -> bytes:
        steps = np.diff(pcm, prepend=self._last)
        self._last = pcm[-1:]
        return steps.astype(">i2").tobytes()

    def decode(self, payload: bytes | None) -> Samples:
        if payload is None:
            return np.zeros(160, np.int16)
        steps = np.frombuffer(payload, ">i2").astype(np.int16)
        pcm = np.cumsum(np.append(self._last, steps), dtype=np.int16)[1:]
        self._last = pcm[-1:]
        return pcm


WITH_MEMORY = Codec(
    "Steps",
    98,
    FrameCoder(Differences, Differences, lambda payload: len(payload) // 2),
    clock_rate=16_000,
    factors=EquipmentFactors(20.0, 10.0, 10.0),
)


@pytest.fixture(params=[LINEAR, WITH_MEMORY], ids=lambda codec: codec.name)
def toy(request: pytest.FixtureRequest) -> Iterator[Codec]:
    with register(request.param):
        yield request.param


# -- tests ----------------------------------------------------------------------------------------


def words(seed: int, seconds: float) -> Samples:
    made = np.random.default_rng(seed).normal(0, 3000, round(seconds * 8000))
    return made.astype(np.int16)


def spoken(directory: Path, codec: str, **more: Any) -> Result:
    """A call in which alice says something in the codec, and bob something after her."""
    for number, name in enumerate(("alice", "bob")):
        write_wav(directory / f"{name}.wav", words(number, 1.0)[None])
    scenario = {
        "parties": {
            "alice": {"codec": codec, "script": [{"play": "alice.wav"}, {"pause": "1s"}], **more},
            "bob": {"script": [{"pause": "1s"}, {"play": "bob.wav"}]},
        },
        "call": {"from": "alice", "to": "bob", "recording": "dual"},
        "expect": [
            {"heard": {"party": "alice", "channel": 1}},
            {"heard": {"party": "bob", "channel": 2}},
            {"aligned": {"party": "alice", "within": 0}},
        ],
    }
    return mediasim.simulate(parse_scenario(scenario, base=directory), directory=directory / "out")


def test_parties_speak_it_and_the_recording_is_right(toy: Codec, tmp_path: Path) -> None:
    result = spoken(tmp_path, toy.name)
    assert result.ok, result.verdicts
    pcm, said = result.recording().pcm, words(0, 1.0)
    found = find_within(pcm[0], said, (0, pcm.shape[1]))
    assert found is not None
    np.testing.assert_array_equal(pcm[0, found.offset : found.offset + 8000], said)
    np.testing.assert_array_equal(reference_of(said, toy.name), said)


def test_verify_knows_it_and_finds_what_is_wrong(toy: Codec, tmp_path: Path) -> None:
    wav = spoken(tmp_path, toy.name).recording().path
    assert CliRunner().invoke(app, ["verify", str(wav)]).exit_code == 0
    sound = bytearray(wav.read_bytes())
    sound[-8000:-4000] = bytes(4000)
    sound[12_000:20_000] = bytes(8000)
    wav.write_bytes(sound)
    assert CliRunner().invoke(app, ["verify", str(wav)]).exit_code > 10


def test_quality_is_rated_by_its_factors(toy: Codec, tmp_path: Path) -> None:
    result = spoken(tmp_path, toy.name, network={"delay": "40ms", "loss": "5%"})
    stream = result.report["calls"][0]["streams"][0]
    assert stream["codec"] == toy.name
    assert stream["lost"] > 0
    clean, lossy = (emodel_mos(loss, 1.0, 100.0, toy.name) for loss in (0.0, 0.05))
    assert clean.r == pytest.approx(93.2 - toy.factors.ie)
    assert 1.0 < stream["mos"] < clean.mos
    assert lossy.mos < clean.mos


def test_descriptions_offer_and_answer_it(toy: Codec) -> None:
    offered = parse_sdp(offer("127.0.0.1", 4000).text())
    assert [stream.codec for stream in offered.streams] == [*CODECS, "TELEPHONE-EVENT"]
    assert f"a=rtpmap:{toy.payload_type} {toy.encoding}/{toy.clock_rate}" in offered.text()
    only = parse_sdp(offer("127.0.0.1", 4000, [toy.name]).text())
    answered, format = answer(only, "127.0.0.1", 5000)
    assert (format.receives.codec, format.receives.payload_type) == (toy.name, toy.payload_type)
    assert agreed(only, answered) == format


def test_a_capture_of_it_is_imported(toy: Codec, tmp_path: Path) -> None:
    rough = {"network": {"delay": "30ms", "jitter": "15ms", "loss": "4%"}, "codec": toy.name}
    run, capture = captured(call(rough, {}), tmp_path / "run")
    named = f"{toy.payload_type}={toy.encoding.lower()}"
    told = imported(capture, tmp_path, "--caller", ANN, "--callee", BOB, "--codec", named)
    own, other = both_recordings(run, told, tmp_path)
    assert own.any(axis=1).all()
    np.testing.assert_array_equal(own, other)
    assert told["sides"][0]["codec"] == toy.name


@pytest.mark.realtime
def test_endpoints_elsewhere_are_sent_it_and_heard_in_it(toy: Codec, tmp_path: Path) -> None:
    local, said = free_port(), words(2, 0.6)
    write_wav(tmp_path / "hello.wav", words(3, 0.6)[None])
    got: list[bytes] = []
    over = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(0.1)
        endpoint = {"local": f"127.0.0.1:{local}", "remote": f"127.0.0.1:{peer.getsockname()[1]}"}
        scenario = {
            "parties": {
                "alice": {"script": [{"play": "hello.wav"}, {"pause": "700ms"}]},
                "peer": {"endpoint": endpoint, "codec": toy.name},
            },
            "call": {"from": "alice", "to": "peer", "recording": "dual"},
        }
        file = tmp_path / "call.yaml"
        file.write_text(json.dumps(scenario))
        described = parse_sdp(CliRunner().invoke(app, ["sdp", str(file)]).output)
        assert described.streams[0].encoding == toy.rtpmap

        def talk() -> None:
            wait_until_open(local)
            begun = time.monotonic() + 0.1
            for number, packet in enumerate(packets):
                time.sleep(max(0.0, begun + number * 0.02 - time.monotonic()))
                peer.sendto(packet, ("127.0.0.1", local))

        def listen() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    got.append(peer.recv(2048))

        made = RtpSender(toy.name, ssrc=7).packets(said.reshape(-1, 160), 0)
        packets = [packet.tobytes() for block in made for packet in block]
        threads = [threading.Thread(target=work) for work in (talk, listen)]
        for thread in threads:
            thread.start()
        result = mediasim.simulate(
            parse_scenario(scenario, base=tmp_path), directory=tmp_path / "out", realtime=True
        )
        over.set()
        for thread in threads:
            thread.join()
    assert result.ok, result.verdicts
    pcm = result.recording().pcm
    found = find_within(pcm[1], said, (0, pcm.shape[1]))
    assert found is not None
    assert found.correlation > 0.9, "a packet may be late on a busy machine"
    frames = [packet[12:] for packet in got if packet[1] & 127 == toy.payload_type]
    sent = np.frombuffer(b"".join(frames), ">i2").astype(np.int16)
    if isinstance(toy.coder, FrameCoder):
        sent = np.cumsum(sent, dtype=np.int16)
    hello = find_within(sent, reference_of(words(3, 0.6), "PCMU"), (0, len(sent)))
    assert hello is not None
    assert hello.correlation > 0.99


def test_files_the_schema_the_starter_and_the_fuzzer_know_it(toy: Codec) -> None:
    party = scenario_schema()["$defs"]["PartySpec"]["anyOf"][-1]["properties"]["codec"]
    assert {toy.name, *toy.aliases} <= set(party["enum"])
    assert f"or {toy.name}" in starter_scenario("mine")
    drawn = [draw_party(Draws(Seeds(seed), "party")) for seed in range(60)]
    assert toy.name in {party["codec"] for party in drawn}
    for name in (toy.name, *toy.aliases):
        read = parse_scenario({"parties": {"a": {"codec": name}, "b": {}}, "call": BETWEEN})
        assert read.parties["a"].codec == toy.name
    long = {"a": {"codec": toy.name, "ptime": "40ms"}, "b": {}}
    if 40 in toy.ptimes:
        parse_scenario({"parties": long, "call": BETWEEN})
    else:
        with pytest.raises(ScenarioError, match=f"expected 20 for {toy.name}"):
            parse_scenario({"parties": long, "call": BETWEEN})


BETWEEN = {"from": "a", "to": "b"}


@pytest.mark.parametrize("ptime", [10, 40])
def test_packets_of_other_lengths_are_right_too(ptime: int, tmp_path: Path) -> None:
    with register(LINEAR):
        result = spoken(tmp_path, "slin", ptime=f"{ptime}ms", dtx="silence")
    assert result.ok, result.verdicts


def test_without_its_row_it_is_not_known() -> None:
    with pytest.raises(ScenarioError, match=r"expected one of PCMU, PCMA, G722, OPUS, found 'L16'"):
        parse_scenario({"parties": {"a": {"codec": "L16"}, "b": {}}, "call": BETWEEN})
