"""A WebSocket connection without a network: the library's server protocol is the app."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from mediasim.net.stream_port import StreamEnd, StreamRefused
from mediasim.net.websocket import WebSocketConnection

TEXT, MORE, BINARY = Opcode.TEXT, Opcode.CONT, Opcode.BINARY


class Transport(asyncio.Transport):
    """Keeps what is written; ``waiting`` bytes of it are not yet taken."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def can_write_eof(self) -> bool:
        return False

    def taken(self) -> bytes:
        written, self.written = self.written, b""
        return written


class Connection:
    """A connection that is open, and what its listener is given."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.client = WebSocketConnection("ws://127.0.0.1/", {"X-Twilio-Signature": "signed"}, self)
        self.transport = Transport()
        self.app = ServerProtocol()
        self.client.connection_made(self.transport)
        self.app.receive_data(self.transport.taken())
        (self.request,) = self.app.events_received()
        assert isinstance(self.request, Request)

    def opens(self) -> Connection:
        assert isinstance(self.request, Request)
        self.app.send_response(self.app.accept(self.request))
        self.client.data_received(b"".join(self.app.data_to_send()))
        assert self.client.opened.result() is None
        return self

    def comes(self, *frames: Frame, octets: int = 1 << 20) -> list[object]:
        """What is heard of frames that come so many octets at a time."""
        data = b"".join(frame.serialize(mask=False) for frame in frames)
        for start in range(0, len(data), octets):
            self.client.data_received(data[start : start + octets])
        return self.heard

    def sent(self) -> list[tuple[Opcode, bytes]]:
        self.app.receive_data(self.transport.taken())
        found = self.app.events_received()
        return [(each.opcode, bytes(each.data)) for each in found if isinstance(each, Frame)]

    def message(self, data: str | bytes) -> None:
        self.heard.append(data)

    def closed(self, end: StreamEnd, code: int, words: str) -> None:
        self.heard.append((end, code))

    def congested(self) -> None:
        self.heard.append("left out")


@pytest.mark.parametrize("octets", [1, 7, 1 << 20])
async def test_messages_come_whole_however_they_are_read(octets: int) -> None:
    heard = (
        Connection()
        .opens()
        .comes(
            Frame(TEXT, b"one"),
            Frame(TEXT, b"tw\xc3", fin=False),
            Frame(Opcode.PING, b"?"),
            Frame(MORE, b"\xb6"),
            Frame(BINARY, b"\xff"),
            Frame(TEXT, b"x" * 70_000),
            octets=octets,
        )
    )
    assert heard == ["one", "tw\u00f6", b"\xff", "x" * 70_000]


async def test_messages_of_any_length_are_sent_in_order_and_masked() -> None:
    connection = Connection().opens()
    texts = ["", "\u00f6", *("x" * size for size in (125, 126, 65_535, 65_536, 200_000))]
    connection.client.send([(text, False) for text in texts])
    assert connection.sent() == [(TEXT, text.encode()) for text in texts]
    connection.client.send([("same", False), ("same", False)])
    frames = connection.transport.taken()
    half = len(frames) // 2
    assert frames[1] & 0x80
    assert frames[2:6] != frames[half + 2 : half + 6], "a mask is drawn for each frame"


CLOSES = Frame(Opcode.CLOSE, Close(1000, "").serialize())


@pytest.mark.parametrize(
    ("frames", "end"),
    [
        ([CLOSES], ("closed", 1000)),
        ([Frame(TEXT, b"\xff"), Frame(TEXT, b"late"), CLOSES], ("protocol", 1007)),
        ([Frame(TEXT, b"x" * ((1 << 20) + 1))], ("protocol", 1009)),
        ([Frame(TEXT, b"x" * (1 << 20), fin=False), Frame(MORE, b"x")], ("protocol", 1009)),
        ([Frame(MORE, b"x")], ("protocol", 1002)),
        ([Frame(TEXT, b"x", fin=False), Frame(TEXT, b"x")], ("protocol", 1002)),
    ],
)
async def test_how_it_ends(frames: list[Frame], end: tuple[StreamEnd, int]) -> None:
    connection = Connection().opens()
    assert connection.comes(*frames)[-1] == end
    assert not connection.client.open
    connection.client.connection_lost(None)
    assert connection.heard == [end]


async def test_audio_is_left_out_while_too_much_waits() -> None:
    connection = Connection().opens()
    connection.client.send([("a", True), ("b", False)])
    connection.transport.waiting = 1 << 20
    connection.client.send([("c", True), ("d", False)])
    assert connection.sent() == [(TEXT, b"a"), (TEXT, b"b"), (TEXT, b"d")]
    assert connection.heard == ["left out"]


async def test_a_ping_is_answered_when_all_before_it_was_read() -> None:
    connection = Connection().opens()
    first, second = connection.client.ping(), connection.client.ping()
    connection.comes(Frame(Opcode.PONG, b"1"))
    assert (first.done(), second.done()) == (True, False)
    connection.client.connection_lost(None)
    assert second.done()
    assert connection.heard == [("broken", 1006)]


async def test_what_is_closed_by_us_is_heard_no_more() -> None:
    connection = Connection().opens()
    connection.client.close()
    connection.client.send([("late", False)])
    assert connection.comes(Frame(TEXT, b"late"), CLOSES) == []
    assert [opcode for opcode, _ in connection.sent()] == [Opcode.CLOSE]


async def test_an_upgrade_that_is_refused() -> None:
    connection = Connection()
    connection.app.send_response(connection.app.reject(403, "no"))
    connection.client.data_received(b"".join(connection.app.data_to_send()))
    with pytest.raises(StreamRefused, match="answered with 403"):
        connection.client.opened.result()
