"""The command ``serve``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mediasim.commands.ending import ExitCode, error_text, seed_option, show_page, stop
from mediasim.commands.loading import loading
from mediasim.exchange.profiles import PROFILES

if TYPE_CHECKING:
    from mediasim.sandbox.config_account import SipAddress
    from mediasim.sandbox.log import SandboxLog
    from mediasim.sandbox.server import ListenAddress
    from mediasim.sandbox.settings import Settings
    from mediasim.sandbox.shards import Shard

__all__ = ["DATA", "run_sandbox", "serve"]


ClockName = Literal["real", "virtual", "manual"]
LinesName = Literal["memory", "ports", "shared"]
SpreadName = Literal["calls", "numbers"]
LogFormat = Literal["text", "json"]


DATA = Path("mediasim-data")
"""The folder of a sandbox's state unless another is given."""


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
    port: Annotated[
        int, typer.Option("--port", "-p", help="0 takes any free one.", min=0, max=65535)
    ] = 8080,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder that keeps its state.", show_default=str(DATA)),
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
            autocompletion=lambda: list(PROFILES),
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
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The number plan and settings.")
    ] = None,
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
        int,
        typer.Option(
            help="Processes that share the calls; with 0 those alone that mediasim worker starts"
            " elsewhere.",
            min=0,
            max=64,
        ),
    ] = 1,
    spread: Annotated[
        SpreadName,
        typer.Option(
            help="What workers share: each call by itself, or all calls of one of the app's"
            " numbers together, so that they meet in conferences and queues."
        ),
    ] = "calls",
    shard: Annotated[
        str | None,
        typer.Option(
            help="Which of several sandboxes it is, behind a proxy that shares out accounts: 0/3,"
            " 1/3 and 2/3.",
            metavar="I/N",
            envvar="MEDIASIM_SHARD",
        ),
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            help="URL of each of these, with {} for its place: it hands devices of the browser SDK"
            " on to the sandbox of their account.",
            envvar="MEDIASIM_PEERS",
        ),
    ] = None,
    proxy: Annotated[
        bool,
        typer.Option(
            "--proxy",
            help="Let programs with the environment that it prints reach it by Twilio's own hosts,"
            " and print all of that environment.",
        ),
    ] = False,
    proxy_port: Annotated[
        int | None,
        typer.Option(
            help="The port of the proxy, which it then has; 0 takes any free one.",
            min=0,
            max=65535,
            show_default="the one after --port",
        ),
    ] = None,
    log: Annotated[
        LogFormat,
        typer.Option(
            help="How it says on standard error what happens: lines for people, or JSON lines."
        ),
    ] = "text",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what is wrong with the sandbox itself.")
    ] = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Also open the inspector in the browser.")
    ] = False,
) -> None:
    """Serve Twilio's API, TwiML and webhooks on this machine, until Ctrl-C.

    It prints its addresses; then, on standard error, a line for each call, request to the app,
    recording, warning and error.

    Exit code 0: it was told to end; 2: it cannot be started like that; 3: it broke.
    """
    from functools import partial

    run_sandbox(partial(_serve_until_told, show=show_page if open_page else None), locals())


async def _serve_until_told(
    settings: Settings,
    address: ListenAddress,
    log: SandboxLog | None,
    show: Callable[[str], object] | None = None,
) -> None:
    """Serve until a signal to end arrives, and print what apps need to know."""
    from functools import partial

    from mediasim.sandbox.server import serve

    await serve(settings, address, partial(print, flush=True), log, show)
    if settings.data is not None:
        print(f"ended; what it keeps is in {settings.data}", flush=True)


Run = Callable[["Settings", "ListenAddress", "SandboxLog | None"], Coroutine[Any, Any, None]]
"""Runs a sandbox with its settings at an address; the log takes what happens."""


def run_sandbox(run: Run, options: Mapping[str, Any]) -> None:
    """Run a sandbox by the options of ``serve``; end the command if it cannot be run."""
    import asyncio
    import os
    import sys
    from contextlib import nullcontext

    with loading():
        from mediasim.documents.diagnostics import ScenarioError
        from mediasim.sandbox.clocks import ClockRefuses
        from mediasim.sandbox.config import Config, load_config
        from mediasim.sandbox.log import LogWriter, SandboxLog
        from mediasim.sandbox.proxy.proxy import ProxyError
        from mediasim.sandbox.server import ListenAddress, ServeError
        from mediasim.sandbox.settings import Settings
        from mediasim.sandbox.storage import StorageError

    given = SimpleNamespace(**options)
    if given.in_memory and (given.data or given.database or given.media):
        stop("--in-memory keeps nothing: expected it without --data, --database and --media")
    os.umask(0o077)  # files are for this user alone
    _raise_limit_of_files()
    try:
        settings = Settings(
            config=Config() if given.config is None else load_config(given.config),
            clock=given.clock,
            rate=given.rate,
            lines=given.lines,
            data=None if given.in_memory else given.data or DATA,
            database=given.database,
            media=given.media,
            workers=given.workers,
            spread=given.spread,
            shard=None if given.shard is None else _shard(given.shard),
            peers=given.peers,
            hosts=tuple(given.allowed_host or ()),
            seed_override=given.seed,
            epoch=given.epoch,
            today=True,
            profile_override=given.profile,
            sip_override=None if given.sip is None else _sip_address(given.sip),
        )
        address = ListenAddress(
            given.host,
            given.port,
            given.public_url,
            proxy=given.proxy or given.proxy_port is not None,
            proxy_port=given.proxy_port,
        )
        with nullcontext() if given.quiet else LogWriter(sys.stderr, given.log) as writer:
            log = None if writer is None else SandboxLog(writer.put)
            asyncio.run(run(settings, address, log))
    except (ScenarioError, StorageError, ClockRefuses, ProxyError) as error:
        stop(error_text(error))
    except ServeError as error:
        stop(str(error), ExitCode.WRONG if error.__cause__ is None else ExitCode.BROKE)


def _raise_limit_of_files() -> None:
    """Allow the process as many open files as the system allows any program."""
    import resource
    from contextlib import suppress

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _shard(text: str) -> Shard:
    """Return the place of the option --shard; end the command if it is none."""
    from mediasim.sandbox.shards import Shard

    try:
        return Shard.parse(text)
    except ValueError as error:
        stop(f"--shard: {error}")


def _sip_address(text: str) -> SipAddress:
    """Return the address of the option --sip; end the command if it is none."""
    from mediasim.sandbox.config_account import read_sip_address

    try:
        return read_sip_address(text)
    except ValueError as error:
        stop(f"--sip: {error}")
