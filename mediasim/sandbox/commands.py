"""The sandbox's commands. Heavy imports stay inside: help must come at once."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mediasim.exchange.profiles import PROFILES

__all__ = ["register"]

_UNWELL = 1
_WRONG = 2
_BROKE = 3
_DEFAULT_URL = "http://127.0.0.1:8080"


class ClockName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    real = "real"
    virtual = "virtual"
    manual = "manual"


class LinesName(str, Enum):  # noqa: UP042
    memory = "memory"
    ports = "ports"
    shared = "shared"


class SpreadName(str, Enum):  # noqa: UP042
    calls = "calls"
    numbers = "numbers"


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, PROFILES))}.")
    return name


Url = Annotated[
    str, typer.Option("--url", envvar="MEDIASIM_BASE_URL", help="Where the sandbox is.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (serve, env, health, call, calls, recordings):
        app.command()(command)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8080,
    data: Annotated[Path, typer.Option(help="The folder that keeps its state.")] = Path(
        "mediasim-data"
    ),
    in_memory: Annotated[bool, typer.Option("--in-memory", help="Keep nothing.")] = False,
    clock: Annotated[ClockName, typer.Option(help="What its time is.")] = ClockName.real,
    rate: Annotated[float, typer.Option(help="How fast the real clock goes.")] = 1.0,
    lines: Annotated[
        LinesName,
        typer.Option(
            help="How simulated parties' packets travel: in memory, or over UDP on loopback with"
            " a port for each leg or one shared socket."
        ),
    ] = LinesName.memory,
    seed: Annotated[
        int | None, typer.Option(help="Instead of the config's.", min=0, max=2**63 - 1)
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Twilio's behaviour as of a date.",
            parser=_profile,
            metavar=f"<{'|'.join(PROFILES)}>",
        ),
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Where apps elsewhere find it, for URLs it gives.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name by which it may be asked besides localhost, its addresses and that of"
            " --public-url; * for any. May be given several times.",
            envvar="MEDIASIM_ALLOWED_HOSTS",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The number plan and settings.")] = None,
    database: Annotated[
        str | None, typer.Option(help="A database's URL, instead of SQLite in the folder.")
    ] = None,
    media: Annotated[
        str | None, typer.Option(help="An object store's URL, for recordings: s3://bucket/path.")
    ] = None,
    sip: Annotated[
        str | None,
        typer.Option(help="Answer SIP telephones there: UDP and TCP.", metavar="[HOST:]PORT"),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that share the calls.", min=1, max=64)
    ] = 1,
    spread: Annotated[
        SpreadName,
        typer.Option(
            help="What workers share: each call by itself, or all calls of one of the app's"
            " numbers together, so that they meet in conferences and queues."
        ),
    ] = SpreadName.calls,
) -> None:
    """Serve Twilio's API, TwiML and webhooks on this machine, until Ctrl-C.

    Exit code 0: it was told to end; 2: it cannot be started like that; 3: it broke.
    """
    import asyncio
    import os

    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.sandbox.clocks import ClockRefuses
    from mediasim.sandbox.config import Config, load_config
    from mediasim.sandbox.server import Address, ServeError, serve
    from mediasim.sandbox.settings import Settings
    from mediasim.sandbox.storage import StorageError

    os.umask(0o077)  # what is kept is nobody else's to read
    _raise_limit_of_files()
    try:
        settings = Settings(
            config=Config() if config is None else load_config(config),
            clock=clock.value,
            rate=rate,
            lines=lines.value,
            data=None if in_memory else data,
            database=database,
            media=media,
            workers=workers,
            spread=spread.value,
            hosts=tuple(allowed_host or ()),
            asked_seed=seed,
            asked_profile=profile,
            asked_sip=None if sip is None else _sip_address(sip),
        )
        asyncio.run(serve(settings, Address(host, port, public_url), _say))
    except (ScenarioError, StorageError, ClockRefuses) as error:
        _stop(str(error))
    except ServeError as error:
        _stop(str(error), _BROKE if error.__cause__ is not None else _WRONG)


def _raise_limit_of_files() -> None:
    """Let it have as many connections and recordings open as the system lets any program have."""
    import resource
    from contextlib import suppress

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _sip_address(text: str) -> Any:
    from mediasim.sandbox.config import read_sip_address

    try:
        return read_sip_address(text)
    except ValueError as error:
        _stop(f"--sip: {error}")


def env(url: Url = _DEFAULT_URL) -> None:
    """Print the environment variables that point an app at the sandbox."""
    from mediasim.sandbox.access import environment_block

    print(environment_block(_ask(url, "GET", "/env")))


def health(url: Url = _DEFAULT_URL) -> None:
    """Say whether the sandbox is well.

    Exit code 0: it is; 1: something fails it, as its database; 2: none answers.
    """
    found = _ask(url, "GET", "/health")
    workers = f"; workers: {found['workers']}" if "workers" in found else ""
    clock = found["clock"]["kind"]
    print(f"{found['status']}; storage: {found['storage']}; clock: {clock}{workers}")
    if found["status"] != "ok":
        raise typer.Exit(_UNWELL)


def call(
    to: Annotated[str, typer.Argument(help="One of the app's numbers.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="A number, or a party of the number plan.")
    ] = None,
    script: Annotated[
        Path | None, typer.Option(help="A YAML file with the steps of the caller's script.")
    ] = None,
    say: Annotated[str | None, typer.Option(help="Instead of a script: words to say.")] = None,
    url: Url = _DEFAULT_URL,
) -> None:
    """Call one of the app's numbers."""
    body: dict[str, Any] = {"to": to}
    if from_ is not None:
        body["from"] = from_
    if say is not None:
        body["script"] = [{"say": say}]
    if script is not None:
        body["script"] = _read_steps(script)
    placed = _ask(url, "POST", "/calls", body)
    print(placed["sid"])


def calls(
    as_json: Annotated[bool, typer.Option("--json", help="All that is known of them.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """List the calls."""
    found = _ask(url, "GET", "/calls")["calls"]
    columns = ("sid", "direction", "from", "to", "status", "duration")
    print(_as_json(found) if as_json else _table(columns, found))


def recordings(
    as_json: Annotated[bool, typer.Option("--json", help="All that is known of them.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """List the recordings."""
    found = _ask(url, "GET", "/recordings")["recordings"]
    columns = ("sid", "call_sid", "source", "channels", "duration", "status")
    print(_as_json(found) if as_json else _table(columns, found))


def _read_steps(file: Path) -> Any:
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.documents.yaml_reader import read_yaml

    try:
        steps = read_yaml(file.read_text("utf-8"), file).plain()
    except (ScenarioError, UnicodeError) as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{file}: cannot be read: {error.strerror}")
    return steps.get("script", steps) if isinstance(steps, dict) else steps


def _ask(url: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """What the control API answers; ends the program where it refuses."""
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    from mediasim.sandbox.access import token_for_this_user

    data = None if body is None else json.dumps(body).encode()
    try:
        request = Request(f"{url.rstrip('/')}/_mediasim{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        if (token := token_for_this_user(url)) is not None:
            request.add_header("Authorization", f"Bearer {token}")
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        with error:
            _stop(_refusal(error.read(), error.code))
    except (URLError, OSError, ValueError) as error:
        _stop(f"no sandbox answers at {url}: {getattr(error, 'reason', error)}; is it running?")
    return found


def _refusal(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"it answered with status {status}: that is no mediasim sandbox"


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    """Columns side by side, their names on top."""
    lines = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _as_json(found: object) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False)


def _say(words: str) -> None:
    print(words, flush=True)


def _stop(message: str, code: int = _WRONG) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)
