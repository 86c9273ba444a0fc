"""The command ``serve``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mediasim.commands.ending import ExitCode, seed_option, stop
from mediasim.exchange.profiles import PROFILES

if TYPE_CHECKING:
    from mediasim.sandbox.config_account import SipAddress

__all__ = ["serve"]


ClockName = Literal["real", "virtual", "manual"]
LinesName = Literal["memory", "ports", "shared"]
SpreadName = Literal["calls", "numbers"]
LogFormat = Literal["text", "json"]


_DATA = Path("mediasim-data")


def _profile(name: str) -> str:
    """Return the name of a behaviour profile that exists. Raises BadParameter."""
    if name not in PROFILES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(map(repr, PROFILES))}.")
    return name


def _moment(text: str) -> datetime:
    """Return the moment that a text says. Raises BadParameter."""
    from mediasim.documents.values import read_moment

    try:
        return read_moment(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any free one.", min=0, max=65535)] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that keeps its state.", show_default=str(_DATA)),
    ] = None,
    in_memory: Annotated[bool, typer.Option("--in-memory", help="Keep nothing.")] = False,
    clock: Annotated[ClockName, typer.Option(help="What its time is.")] = "real",
    rate: Annotated[float, typer.Option(help="How fast the real clock goes.")] = 1.0,
    lines: Annotated[
        LinesName,
        typer.Option(
            help="How simulated parties' packets travel: in memory, or over UDP on loopback with"
            " a port for each leg or one shared socket."
        ),
    ] = "memory",
    seed: Annotated[int | None, seed_option("Instead of the config's.")] = None,
    epoch: Annotated[
        datetime | None,
        typer.Option(
            help="The date at which its time begins.",
            parser=_moment,
            metavar="DATE",
            show_default="today's",
        ),
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
    ] = "calls",
    log: Annotated[
        LogFormat,
        typer.Option(
            help="How it says on standard error what happens: lines for people, or JSON lines."
        ),
    ] = "text",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what is wrong with the sandbox itself.")
    ] = False,
) -> None:
    """Serve Twilio's API, TwiML and webhooks on this machine, until Ctrl-C.

    It prints its addresses; then, on standard error, a line for each call, request to the app,
    recording, warning and error.

    Exit code 0: it was told to end; 2: it cannot be started like that; 3: it broke.
    """
    import asyncio
    import os
    import sys
    from contextlib import nullcontext
    from functools import partial

    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.sandbox.clocks import ClockRefuses
    from mediasim.sandbox.config import Config, load_config
    from mediasim.sandbox.log import LogWriter, SandboxLog
    from mediasim.sandbox.server import ListenAddress, ServeError, serve
    from mediasim.sandbox.settings import Settings
    from mediasim.sandbox.storage import StorageError

    if in_memory and (data or database or media):
        stop("--in-memory keeps nothing: expected it without --data, --database and --media")
    os.umask(0o077)  # files are for this user alone
    _raise_limit_of_files()
    try:
        settings = Settings(
            config=Config() if config is None else load_config(config),
            clock=clock,
            rate=rate,
            lines=lines,
            data=None if in_memory else data or _DATA,
            database=database,
            media=media,
            workers=workers,
            spread=spread,
            hosts=tuple(allowed_host or ()),
            seed_override=seed,
            epoch=epoch,
            today=True,
            profile_override=profile,
            sip_override=None if sip is None else _sip_address(sip),
        )
        address, say = ListenAddress(host, port, public_url), partial(print, flush=True)
        with nullcontext() if quiet else LogWriter(sys.stderr, log) as writer:
            sandbox_log = None if writer is None else SandboxLog(writer.put)
            asyncio.run(serve(settings, address, say, sandbox_log))
    except (ScenarioError, StorageError, ClockRefuses) as error:
        stop(str(error))
    except ServeError as error:
        stop(str(error), ExitCode.WRONG if error.__cause__ is None else ExitCode.BROKE)


def _raise_limit_of_files() -> None:
    """Allow the process as many open files as the system allows any program."""
    import resource
    from contextlib import suppress

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _sip_address(text: str) -> SipAddress:
    """Return the address of the option --sip; end the command if it is none."""
    from mediasim.sandbox.config_account import read_sip_address

    try:
        return read_sip_address(text)
    except ValueError as error:
        stop(f"--sip: {error}")
