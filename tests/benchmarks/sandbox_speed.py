"""How fast the sandbox is from outside: ready, asked for recordings, told to call.

Everything goes over HTTP on this machine, with a client that does as little as it can; it takes
its share of the same processors, so the server alone is faster. Figures are medians; machines
differ and are shared.

    python tests/benchmarks/sandbox_speed.py [--short]
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path.append(str(Path(__file__).resolve().parents[1] / "conformance"))

from number_plan import APP_NUMBER, QUIET, number_plan
from sandbox_process import Sandbox, running_sandbox
from user_app import serving_app

CONNECTIONS = 4
MEGABYTE_SECONDS = 63
"""Of one channel: a WAV of a million bytes."""


class Wire:
    """Connections that are kept, each of which has one request under way at a time."""

    def __init__(self, sandbox: Sandbox, connections: int) -> None:
        where = urlsplit(sandbox.url)
        address = (where.hostname or "", where.port or 0)
        self._sockets = [socket.create_connection(address, 30) for _ in range(connections)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes, times: int, status: int = 200) -> None:
        """So many times in all. Fails for any answer of another status."""
        for _ in range(times // len(self._sockets)):
            for each in self._sockets:
                each.sendall(request)
            for each in self._sockets:
                self._read(each, status)

    def _read(self, connection: socket.socket, status: int) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536)
        head, _, body = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 %d " % status):
            raise RuntimeError(f"expected {status}, found {head.decode()} {body[:500]!r}")
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        left = int(head[at:].split(b"\r\n", 1)[0]) - len(body)
        while left > 0:
            left -= len(connection.recv(min(left, 1 << 20)))

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def request(sandbox: Sandbox, method: str, path: str, form: dict[str, str] | None = None) -> bytes:
    """A request below the account, as bytes."""
    where = urlsplit(sandbox.account_url(path))
    query = f"?{where.query}" if where.query else ""
    body = urlencode(form or {})
    head = [
        f"{method} {where.path}{query} HTTP/1.1",
        f"Host: {where.netloc}",
        f"Authorization: {sandbox.authorization}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(head) + f"\r\n\r\n{body}").encode()


def per_second(work: Callable[[int], None], times: int, runs: int) -> float:
    """How often in a second, the median of some runs."""

    def once() -> float:
        started = time.perf_counter()
        work(times)
        return times / (time.perf_counter() - started)

    return statistics.median(once() for _ in range(runs))


def ready_seconds(config: str, folder: Path, runs: int) -> float:
    """From the command to the line that says so."""

    def once() -> float:
        started = time.perf_counter()
        with running_sandbox("--clock", "virtual", config=config, folder=folder):
            return time.perf_counter() - started

    once()  # bytecode is there from here on
    return statistics.median(once() for _ in range(runs))


def a_megabyte(sandbox: Sandbox) -> str:
    """The SID of a recording of that size."""
    twiml = f"<Response><Pause length='{MEGABYTE_SECONDS}'/></Response>"
    form = {"To": QUIET, "From": APP_NUMBER, "Twiml": twiml, "Record": "true"}
    form |= {"RecordingTrack": "inbound", "Trim": "do-not-trim"}
    wire = Wire(sandbox, 1)
    wire.ask(request(sandbox, "POST", "/Calls.json", form), 1, 201)
    wire.close()
    sandbox.run_out()
    (recording,) = sandbox.control("GET", "/recordings")["recordings"]
    sid: str = recording["sid"]
    return sid


def calls_per_second(sandbox: Sandbox, url: str, calls: int, runs: int) -> tuple[float, float]:
    """Calls created, and calls carried out with TwiML and a callback from the app, in a second."""
    form = {"To": QUIET, "From": APP_NUMBER, "Url": f"{url}/outgoing"}
    form |= {"StatusCallback": f"{url}/ended"}
    create = request(sandbox, "POST", "/Calls.json", form)
    created, done = list[float](), list[float]()
    for _ in range(runs):
        sandbox.control("POST", "/reset")
        wire = Wire(sandbox, min(CONNECTIONS, calls))
        started = time.perf_counter()
        wire.ask(create, calls, 201)
        created.append(calls / (time.perf_counter() - started))
        sandbox.run_out()
        done.append(calls / (time.perf_counter() - started))
        wire.close()
    return statistics.median(created), statistics.median(done)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quick look, for CI")
    short = parser.parse_args().short
    runs = 3 if short else 5
    with tempfile.TemporaryDirectory() as folder, serving_app() as app:
        app.replies["/outgoing"] = "<Pause length='600'/>"
        config, directory = number_plan(app.url), Path(folder)
        rows = [("seconds to ready", ready_seconds(config, directory, runs), ".2f")]
        with running_sandbox("--clock", "virtual", config=config, folder=directory) as sandbox:
            sid = a_megabyte(sandbox)
            wire = Wire(sandbox, CONNECTIONS)
            for name, ending, times in (
                ("a recording's JSON, requests per second", ".json", 400 if short else 4000),
                ("a 1 MB WAV, requests per second", ".wav", 100 if short else 1000),
            ):
                asked = request(sandbox, "GET", f"/Recordings/{sid}{ending}")
                wire.ask(asked, CONNECTIONS)
                speed = per_second(lambda n, asked=asked: wire.ask(asked, n), times, runs)  # type: ignore[misc]
                rows.append((name, speed, ",.0f"))
            wire.close()
            _, alone = calls_per_second(sandbox, app.url, 1, runs)
            rows.append(("seconds of one ten-minute call", 1 / alone, ".2f"))
            calls = 100 if short else 500
            created, done = calls_per_second(sandbox, app.url, calls, runs)
            rows.append(("calls created per second, virtual clock", created, ",.0f"))
            rows.append(("ten-minute calls, app asked and told, per second", done, ",.0f"))
    for name, figure, form in rows:
        print(f"{name:<52} {figure:>10{form}}")


if __name__ == "__main__":
    main()
