"""What a capture holds is what was at the server, whatever carried it there."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.frames import FRAME_NS
from mediasim.audio.tones import noise
from mediasim.captures.pcap import Datagram, capture_bytes, datagram_in, read_capture
from mediasim.captures.rtp_streams import find_streams
from mediasim.captures.transport import CaptureTransport
from mediasim.documents.durations import Duration
from mediasim.media.plane import MediaPlane
from mediasim.media.room import Room
from mediasim.net.network import Impairments, Jitter, Loss
from mediasim.parties.party import Line, Party
from mediasim.rtp.packets import PacketBlock
from mediasim.seeds import Seeds

MS = 1_000_000
FRAMES = 100
ROUGH = Impairments(
    delay=Duration(30 * MS),
    jitter=Jitter(uniform=Duration(15 * MS)),
    loss=Loss(random=0.1),
    reorder=0.1,
    duplicate=0.1,
)


def lived(block: int, *, listens: bool = False) -> tuple[list[Line], CaptureTransport]:
    """Two bridged parties on bad lines, taken so many frames at a time."""
    plane = MediaPlane(max_lag=block)
    room = Room(plane)
    capture = CaptureTransport()
    parties = [Party(name, "", up=ROUGH) for name in ("ann", "bob")]
    lines = [Line(party, room, party.name, Seeds(1), 0) for party in parties]
    for line in lines:
        generator = Seeds(1).generator(line.label)
        line.timeline.place(noise("white", 16000, -20.0, generator), 0, kind="noise", text="")
        line.connect(capture, listens=listens)
    room.bridge(lines[0].leg, lines[1].leg)
    for frame in range(block, FRAMES + 1, block):
        plane.advance(frame)
    plane.catch_up(room)
    return lines, capture


def unix(loop_ns: int) -> int:
    return 1_000_000_000 + loop_ns


def test_everything_that_came_and_went_is_there_in_order() -> None:
    lines, capture = lived(1)
    found = list(capture.datagrams(unix))
    assert [each.at_ns for each in found] == sorted(each.at_ns for each in found)
    streams = {stream.source: stream for stream in find_streams(found)}
    assert sorted(streams) == [
        ("10.0.0.1", 20000),
        ("10.0.0.1", 20002),
        ("10.1.0.1", 4000),
        ("10.1.0.2", 4000),
    ]
    for number, line in enumerate(lines):
        reception = line.room.plane.reception(line.leg)
        assert min(reception.lost, reception.duplicates, reception.reordered) > 0
        came = streams["10.1.0." + str(number + 1), 4000]
        assert came.ssrc == line.phone.format.ssrc
        assert len(came.packets) == reception.received + reception.duplicates
        went = streams["10.0.0.1", 20000 + 2 * number]
        assert went.destination == came.source
        times = [packet.at_ns for packet in went.packets]
        assert times == [unix((frame + 1) * FRAME_NS) for frame in range(FRAMES)]


@pytest.mark.parametrize("listens", [False, True])
def test_it_is_the_same_in_blocks_of_any_length(listens: bool) -> None:
    captures = [
        capture_bytes(lived(block, listens=listens)[1].datagrams(unix)) for block in (1, 10, 50)
    ]
    assert captures[0] == captures[1] == captures[2]


def test_what_passes_is_not_changed() -> None:
    """A tap that let the playout's own changes through, or made some, would be none."""

    class Source:
        def pull(self, before_ns: int) -> PacketBlock:
            return PacketBlock(
                np.full((2, 20), 7, np.uint8), np.array([20, 13]), np.array([5, 6], np.int64)
            )

    class Sink:
        def __init__(self) -> None:
            self.heard: list[tuple[int, int]] = []

        def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
            self.heard.append((first_frame, len(packets)))

    lines, _ = lived(1)
    capture, sink = CaptureTransport(), Sink()
    source, wrapped = capture(lines[0].leg, Source(), sink)
    block = source.pull(100)
    assert block is not None
    block.data[:] = 0
    wrapped.push(3, [np.ones((1, 15), np.uint8), np.ones((1, 9), np.uint8)])
    assert sink.heard == [(3, 2)]
    near, far = ("10.0.0.1", 20_000), ("10.1.0.1", 4000)
    assert list(capture.datagrams(lambda ns: ns)) == [
        Datagram(5, far, near, b"\7" * 20),
        Datagram(6, far, near, b"\7" * 13),
        Datagram(4 * FRAME_NS, near, far, b"\1" * 15),
        Datagram(5 * FRAME_NS, near, far, b"\1" * 9),
    ]


def test_reports_have_the_next_port_and_nothing_is_sent_to_nobody() -> None:
    lines, _ = lived(1)
    known: list[tuple[str, int]] = []
    capture = CaptureTransport()
    wire = capture.wire(lines[0].leg, ("::1", 10), lambda: known[0] if known else None)
    wire.sent(0, [np.ones((1, 15), np.uint8)])
    capture.add_control(lines[0].leg, 7, b"early")
    assert list(capture.datagrams(unix)) == []
    known.append(("::2", 20))
    capture.add_control(lines[0].leg, 8, b"to it")
    capture.add_control(lines[0].leg, 9, b"from it", outward=False)
    capture.add_control(lines[1].leg, 9, b"of a line that is not kept")
    found = list(capture.datagrams(lambda ns: ns))
    assert found == [
        Datagram(8, ("::1", 11), ("::2", 21), b"to it"),
        Datagram(9, ("::2", 21), ("::1", 11), b"from it"),
    ]
    frames = read_capture(capture_bytes(found)).frames
    assert [datagram_in(frame) for frame in frames] == found
