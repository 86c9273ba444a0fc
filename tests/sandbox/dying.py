"""A sandbox that is killed at every step of publishing in turn: ``dying.py FOLDER APP_URL TRIM``.

Each step is a change in the sandbox's folder, or a transaction of its database. For each a fork
of this process serves into FOLDER/NUMBER, records one call, and kills itself before that step; the
last one lives to its end.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from mediasim.sandbox.config import parse_config
from mediasim.sandbox.database import Database
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings

_CHANGES = ("open", "os.rename", "os.remove", "os.truncate")
_MOST = 200
PLAN = """
parties:
  bob:
    number: "+14155550101"
    script: [{pause: 500ms}, {noise: {kind: white, for: 1500ms, level: -20}}, {pause: 300ms}]
"""


class _Steps:
    """Counts steps once it is armed, and kills the process at one of them."""

    def __init__(self, folder: Path, last: int) -> None:
        self._folder = str(folder)
        self._last = last
        self._count = 0
        self._lock = threading.Lock()
        self.armed = False

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.armed or event not in _CHANGES or not args:
            return
        path = os.fsdecode(args[0]) if isinstance(args[0], str | bytes | os.PathLike) else ""
        reads = event == "open" and args[1] in ("r", "rb", None)
        if path.startswith(self._folder) and not reads and "sqlite" not in path:
            self.step()

    def step(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def _live(folder: Path, app: str, trim: str, number: int) -> None:
    steps = _Steps(folder, number)
    sys.addaudithook(steps.heard)
    write = Database._write

    def written(self: Database) -> None:
        if steps.armed:
            steps.step()
        write(self)
        if steps.armed:
            steps.step()

    Database._write = written  # type: ignore[method-assign]
    config = parse_config(PLAN, base=folder)
    settings = Settings(config=config, data=folder, clock="virtual", seed_override=5)
    with EmbeddedSandbox(settings) as embedded:
        account = embedded.sandbox.service.account
        service = embedded.sandbox.service
        listen = service.exchange.events.on
        listen("event", lambda event: setattr(steps, "armed", True) if _halts(event) else None)
        form = (
            "To=%2B14155550101&From=%2B14155550123&Twiml=<Response><Pause length='4'/></Response>"
            f"&Record=true&RecordingChannels=dual&Trim={trim}&RecordingStatusCallback={app}/{number}"
            f"&StatusCallback={app}/call/{number}"
        )
        url = f"{embedded.base_url}/2010-04-01/Accounts/{account.sid}/Calls.json"
        request = Request(url, form.encode())
        request.add_header("Authorization", _basic(account.sid, account.auth_token))
        with build_opener(ProxyHandler({})).open(request, timeout=20):
            pass
        over = embedded.submit(lambda: _settled(service))
        over.result(20)


def _halts(event: Any) -> bool:
    return bool(event.kind == "recording.stopped")


async def _settled(service: Any) -> None:
    while service.sessions or not service.catalogue.recordings():
        await service.exchange.sleep(100_000_000)
    await service.webhooks.settled()


def _basic(user: str, password: str) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _import_all(app: str, trim: str) -> None:
    """Import what a sandbox imports as it goes, as one that lives to its end has: each fork would
    import it anew."""
    reads, writes = os.pipe()
    if not os.fork():
        with tempfile.TemporaryDirectory() as folder:
            _live(Path(folder), app, trim, 0)
        os.write(writes, "\n".join(sys.modules).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as names:
        for name in names.read().split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    os.wait()


def main(folder: Path, app: str, trim: str) -> None:
    _import_all(app, trim)
    for number in range(1, _MOST):
        child = os.fork()
        if not child:
            own = folder / str(number)
            own.mkdir()
            try:
                _live(own, app, trim, number)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
    sys.exit("it never ends by itself")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
