"""How many media streams one core carries in real time: each both ways, each an echo.

The sandbox's engine and its web loop, pinned to one core, run calls whose streams go to an app in
a process of its own on another core; it sends every frame's audio back. Each stream is measured
from its sockets' far side: when a frame's message came against when it was due. Load is raised
until a level fails: a frame whose work was not done when the next was due, a message that was
left out, or one that came more than 20 ms after its time at the 99th percentile. Only 127.0.0.1
is used, and each level ends by itself.

    python tests/benchmarks/stream_capacity.py            raise load until it fails
    python tests/benchmarks/stream_capacity.py --short    20 streams for 2 s; for CI

``--short`` fails only for wrong or missing audio: a machine that others share is late now and then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mediasim.audio.frames import FRAME_MS, FRAME_NS
from mediasim.audio.tones import noise
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.phone import Phone
from mediasim.media.plane import MediaPlane
from mediasim.net.realtime import Lateness, RealtimeLoop, settle_process
from mediasim.net.web_streams import WebStreams
from mediasim.parties.party import Party
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.ports import HttpAnswer
from mediasim.twilio.representations import recording_document
from mediasim.twilio.resources import AccountRecord, NumberRecord
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import Webhooks

SERVER_CORE, APP_CORE = 1, 0
NUMBER = "+15550100002"
TOKEN = "0123456789abcdef0123456789abcdef"
LATEST_MS = float(FRAME_MS)


@dataclass(frozen=True)
class Found:
    """What a level of load showed."""

    streams: int
    seconds: float
    cpu: float
    """Share of the core."""
    calls_cpu: float
    """Share of the core that the same calls take without their streams."""
    ticks: int
    missed: int
    """Frames whose work was not done when the next was due."""
    late_ms: dict[str, float]
    """How late frames began, by percentile."""
    sent: int
    came: int
    """Media messages, at the app."""
    behind_ms: dict[str, float]
    """How long after its time a message came, by percentile."""
    played: int
    """Streams whose echo was played whole but for its last frames."""

    @property
    def sound(self) -> bool:
        return self.came == self.sent and self.played == self.streams

    @property
    def carried(self) -> bool:
        late = self.behind_ms["p99"] > LATEST_MS
        return self.sound and not self.missed and not late

    def row(self) -> str:
        late = self.late_ms
        each = self.cpu / self.streams * 1000
        calls = self.calls_cpu / self.streams * 1000
        return (
            f"{self.streams:5d} streams  CPU {self.cpu:4.0%} ({each:.2f} ms per stream-second,"
            f" {calls:.2f} of it the simulated calls and {each - calls:.2f} the streams)"
            f"  frames late p50 {late['p50']:.2f} p99 {late['p99']:.2f} max {late['max']:.2f} ms"
            f"  missed {self.missed} of {self.ticks}"
            f"  messages late p50 {self.behind_ms['p50']:.1f} p99 {self.behind_ms['p99']:.1f}"
            f" max {self.behind_ms['max']:.1f} ms"
            f"  came {self.came} of {self.sent}  echoes {self.played}"
        )


class _Nobody:
    """An app without HTTP: documents are given with their numbers."""

    async def send(self, *_: Any, **__: Any) -> HttpAnswer:
        return HttpAnswer(204, {}, b"")


class _Phones:
    def phone(self, address: str) -> Phone:
        return Phone(Party(name=address, number=address))


def main() -> int:
    parser = argparse.ArgumentParser(description="Media streams per core in real time.")
    parser.add_argument("--short", action="store_true", help="one small level, for CI")
    short = parser.parse_args().short
    if short:
        found = _level(20, 2.0)
        print(found.row(), flush=True)
        return 0 if found.sound else 1
    best = None
    for streams in (25, 50, 75, 100, 125, 150, 175, 200, 250, 300, 350, 400, 500):
        found = _level(streams, 10.0)
        print(found.row(), flush=True)
        if not found.carried:
            break
        best = found
    if best is not None:
        print(f"one core carries {best.streams} streams, every deadline met")
    return 0


def _level(streams: int, seconds: float) -> Found:
    """Run one level in a process of its own, so that none suffers from the one before."""
    command = [sys.executable, __file__, "--level", str(streams), str(seconds)]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    command[2] = "--calls"
    alone = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Found(**json.loads(run.stdout), calls_cpu=json.loads(alone.stdout)["cpu"])


# -- one level ------------------------------------------------------------------------------------


def _serve_level(streams: int, seconds: float) -> None:
    """The server's process."""
    with subprocess.Popen(
        [sys.executable, __file__, "--app"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as app:
        assert app.stdin is not None
        assert app.stdout is not None
        url = f"ws://127.0.0.1:{int(app.stdout.readline())}/"
        if os.cpu_count() != 1:
            os.sched_setaffinity(0, {SERVER_CORE})
        web = asyncio.new_event_loop()
        threading.Thread(target=web.run_forever, daemon=True).start()
        loop = RealtimeLoop()
        with (
            tempfile.TemporaryDirectory() as folder,
            asyncio.Runner(loop_factory=lambda: loop) as runner,
        ):
            found = runner.run(_calls(loop, web, Path(folder), url, streams, seconds))
        app.stdin.write("stop\n")
        app.stdin.flush()
        seen = json.loads(app.stdout.readline())
    web.call_soon_threadsafe(web.stop)
    print(json.dumps({**found, **seen}))


def _serve_calls(calls: int, seconds: float) -> None:
    """The server's process, when nobody listens to the calls."""
    if os.cpu_count() != 1:
        os.sched_setaffinity(0, {SERVER_CORE})
    loop, web = RealtimeLoop(), asyncio.new_event_loop()
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        print(json.dumps(runner.run(_calls(loop, web, Path(folder), None, calls, seconds))))


async def _calls(
    loop: RealtimeLoop,
    web: asyncio.AbstractEventLoop,
    folder: Path,
    url: str | None,
    streams: int,
    seconds: float,
) -> dict[str, Any]:
    """``url`` None: the calls have no streams."""
    verb = '<Pause length="3600"/>' if url is None else f'<Connect><Stream url="{url}"/></Connect>'
    plane = MediaPlane(max_lag=1)
    plane.reserve(streams)
    exchange = Exchange(Seeds(1), folder, document=recording_document, plane=plane)
    service = Account(
        exchange,
        account=AccountRecord(exchange.account_sid, TOKEN, "benchmark", 0),
        directory=_Phones(),
        webhooks=Webhooks(
            _Nobody(), auth_token=TOKEN, clock=lambda: exchange.now_ns, seeds=exchange.seeds
        ),
        studio=Studio(),
        streams=WebStreams(web, nullcontext, waits=False),
    )
    service.numbers.add(
        NumberRecord(
            sid=exchange.sids.new("PN"),
            account_sid=exchange.account_sid,
            friendly_name=NUMBER,
            created_ns=0,
            phone_number=NUMBER,
            twiml=f"<Response>{verb}</Response>",
        )
    )
    loop.every_frame(plane.tick)
    words = noise("white", 8000, -20, np.random.default_rng(1))
    for number in range(streams):
        phone = service.directory.phone(f"+1555020{number:04}")
        record = service.place_inbound(phone.party.number, NUMBER, phone)
        await exchange.sleep((1 + number % 2) * FRAME_NS)
        live = service.live_call(record.sid)
        assert live is not None
        assert live.line is not None
        at = live.line.clock.sample_at(exchange.now_ns)
        for second in range(int(seconds) + 5 + streams // 25):
            live.line.timeline.place(words, at + 8000 * second, kind="say", text="words")
    while url and sum(it.started_frame is not None for it in service.streams.all()) < streams:
        await exchange.sleep(5 * FRAME_NS)
    await exchange.sleep(50 * FRAME_NS)
    settle_process()
    loop.lateness = Lateness()
    cpu, wall = time.process_time(), time.monotonic()
    await exchange.sleep(round(seconds * 1e9))
    share = (time.process_time() - cpu) / (time.monotonic() - wall)
    lateness, loop.lateness = loop.lateness, Lateness()
    loop.every_frame(None)
    await asyncio.sleep(0.5)
    sent = played = 0
    for stream in service.streams.all():
        assert stream.started_frame is not None
        frames = plane.now - stream.started_frame
        sent += frames
        echoed = stream.to_json()["audio_received_seconds"] * 50
        played += echoed >= frames - 10
    return {
        "streams": streams,
        "seconds": seconds,
        "cpu": share,
        "ticks": lateness.ticks,
        "missed": lateness.missed,
        "late_ms": lateness.as_ms(),
        "sent": sent,
        "played": played,
    }


# -- the app --------------------------------------------------------------------------------------


async def _app() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    if os.cpu_count() != 1:
        os.sched_setaffinity(0, {APP_CORE})
    came: list[list[float]] = []

    async def echo(call: ServerConnection) -> None:
        times: list[float] = []
        came.append(times)
        head = ""
        async for text in call:
            assert isinstance(text, str)
            if text.startswith('{"event":"media"'):
                times.append(time.monotonic())
                start = text.index('"payload":"') + 11
                payload = text[start : text.index('"', start)]
                await call.send(f'{head}"media":{{"payload":"{payload}"}}}}')
            elif text.startswith('{"event":"start"'):
                head = f'{{"event":"media","streamSid":"{json.loads(text)["streamSid"]}",'

    async with serve(echo, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        count = sum(len(times) for times in came)
        print(json.dumps({"came": count, "behind_ms": _behind(came)}), flush=True)
        os._exit(0)


def _behind(came: list[list[float]]) -> dict[str, float]:
    """How late messages came, against the earliest that any of their stream ever was."""
    late = []
    for times in came:
        off = np.array(times) - 0.020 * np.arange(len(times))
        late.append(off[50:] - off.min())
    every = np.concatenate(late) * 1000
    found = np.percentile(every, (50, 99, 100)).tolist()
    return dict(zip(("p50", "p99", "max"), found, strict=True))


if __name__ == "__main__":
    if "--app" in sys.argv:
        asyncio.run(_app())
    elif "--calls" in sys.argv:
        _serve_calls(int(sys.argv[-2]), float(sys.argv[-1]))
    elif "--level" in sys.argv:
        _serve_level(int(sys.argv[-2]), float(sys.argv[-1]))
    else:
        sys.exit(main())
