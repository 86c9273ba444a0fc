"""The command ``exec``: runs a program whose requests to Twilio reach a sandbox."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from mediasim.commands.control import request_control
from mediasim.commands.ending import stop
from mediasim.commands.serve import DATA, run_sandbox, serve

if TYPE_CHECKING:
    from mediasim.commands.child import Child
    from mediasim.sandbox.log import SandboxLog
    from mediasim.sandbox.sandbox import Sandbox
    from mediasim.sandbox.server import ListenAddress
    from mediasim.sandbox.settings import Settings

__all__ = ["exec_command"]

_LOCALHOST: Final = "127.0.0.1"
_LAST_PORT: Final = 65_535
_SECONDS_TO_HANG_UP: Final = 2.0
"""Seconds after SIGTERM until calls are ended, which the program may wait for."""
_FIXED: Final = {"port": 0}
"""Defaults that differ from those of ``serve``: a program may want port 8080 for itself."""
_ALWAYS: Final = ("proxy",)
"""Options of ``serve`` that ``exec`` does not have, since that is what it is for."""


def _exec(
    context: typer.Context,
    command: Annotated[
        list[str], typer.Argument(help="The command to run, and its arguments.", metavar="COMMAND…")
    ],
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="MEDIASIM_BASE_URL",
            help="Join the sandbox that runs there, instead of starting one.",
        ),
    ] = None,
    public_name: Annotated[
        str | None,
        typer.Option(
            help="A name by which the sandbox calls the app, such as demo.ngrok.app: in PUBLIC_URL,"
            " NGROK_URL and the like, and led to the app's port.",
            metavar="NAME",
        ),
    ] = None,
    app_port: Annotated[
        int | None,
        typer.Option(
            help="The port that the app listens on, also given to it as PORT.",
            min=1,
            max=_LAST_PORT,
            show_default="PORT of the environment, else any free one",
        ),
    ] = None,
    **options: Any,
) -> None:
    """Run a command with an environment in which its own source reaches a sandbox.

    It starts a sandbox with the options of serve, or joins a running one: that of --url, or the one
    that uses the data folder. Requests to Twilio's hosts are answered there; other hosts are
    refused unless allow_hosts of the config names them.

    The exit code is the command's; 127: there is no such command; 126: it cannot be run. Signals
    are passed on to it. Exit code 2: the sandbox cannot be started like that; 3: it broke.
    """
    from mediasim.commands.child import Child

    if public_name is not None:
        _check_name(public_name)
    child = Child(command, _umask())
    port = _port(app_port, public_name)
    program = _Program(public_name, port, child, options["quiet"], options["log"] == "json")
    given = [
        name
        for name in options
        if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE"
    ]
    running = _running(context, url, options, given)
    if running is None:
        run_sandbox(partial(_beside_own_sandbox, program), {**options, "proxy": True})
    else:
        _beside_running_sandbox(program, running)
    raise typer.Exit(program.child.exit_code)


def _with_options_of_serve(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function with the options of ``serve`` in place of its ``**options``."""
    hints = {**get_type_hints(serve, include_extras=True)}
    hints.update(get_type_hints(function, include_extras=True))
    own = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    theirs = [
        each.replace(default=_FIXED.get(name, each.default))
        for name, each in inspect.signature(serve).parameters.items()
        if name not in _ALWAYS
    ]
    parameters = [
        each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for each in (*own, *theirs)
    ]

    def command(**given: Any) -> None:
        function(**given)

    command.__doc__ = function.__doc__
    command.__name__ = "exec"
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


exec_command = _with_options_of_serve(_exec)
"""The command, with all options of ``serve`` besides its own."""


@dataclass(slots=True)
class _Program:
    """The program to be run, and how it is found."""

    public_name: str | None
    port: int | None
    """The port it is told to listen on; None: it chooses for itself."""
    child: Child
    quiet: bool
    as_json: bool
    """Whether standard error is for JSON alone."""

    def hosts(self) -> dict[str, str]:
        """Return the program's public name with its local URL, if it has a name."""
        name = self.public_name
        return {} if name is None else {name: f"http://{_LOCALHOST}:{self.port}"}

    def say(self, *lines: str, log: SandboxLog | None = None) -> None:
        """Print lines on standard error: standard output is the program's."""
        if self.as_json and log is not None:
            for line in lines:
                log.say("info", line)
        elif not self.quiet and not self.as_json:
            print("\n".join(lines), file=sys.stderr, flush=True)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the program's whole environment."""
        from mediasim.sandbox.proxy.environment import (
            joined_environment,
            port_variables,
            public_variables,
        )

        found = joined_environment(variables, os.environ)
        if self.port is not None:
            found.update(port_variables(self.port))
        if self.public_name is not None:
            found.update(public_variables(self.public_name, os.environ))
        return found


def _port(given: int | None, public_name: str | None) -> int | None:
    """Return the port that a program is told to listen on; None where nobody has to know it."""
    from mediasim.net.ports import free_port

    if given is not None or public_name is None:
        return given
    known = os.environ.get("PORT", "")
    is_one = re.fullmatch("[0-9]{1,5}", known) and 0 < int(known) <= _LAST_PORT
    return int(known) if is_one else free_port()


def _umask() -> int:
    """Return the user's umask, which is the program's and not the sandbox's."""
    found = os.umask(0o077)
    os.umask(found)
    return found


def _check_name(name: str) -> None:
    """End the command if a text is no public name of an app."""
    from mediasim.sandbox.proxy.hosts import is_of_twilio
    from mediasim.twilio.webhooks.address import allowed_host, is_address, plain_host

    example = "--public-name: expected the name of a host such as demo.ngrok.app"
    try:
        allowed_host(name)
    except ValueError:
        stop(f"{example}, found {name[:60]!r}")
    plain = plain_host(name)
    if "." not in plain or is_address(plain):
        stop(f"{example}, found {name[:60]!r}")
    if is_of_twilio(plain) or plain.endswith(".localhost"):
        stop(f"--public-name: {name[:60]} cannot be an app's: the sandbox itself answers there")


# -- which sandbox -------------------------------------------------------------------------------


def _running(
    context: typer.Context, url: str | None, options: Mapping[str, Any], given: list[str]
) -> str | None:
    """Return the URL of the running sandbox to join; None for one to be started."""
    from mediasim.sandbox.storage import running_at

    if url is not None and not given:
        return url
    source = context.get_parameter_source("url")
    if url is not None and source is not None and source.name == "COMMANDLINE":
        words = f"leave out {_words(given)}"
        stop(f"--url joins a sandbox that runs, which has options of its own: {words}")
    data: Path = options["data"] or DATA
    found = None if options["in_memory"] else running_at(data)
    others = [name for name in given if name != "data"]
    if found is not None and others:
        stop(
            f"{data} is in use by the sandbox at {found}, which has options of its own: leave out"
            f" {_words(others)} to join it, or give --in-memory or another --data"
        )
    return found


def _words(options: list[str]) -> str:
    """Return options as they are written."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in options)


def _beside_running_sandbox(program: _Program, url: str) -> None:
    """Run the program in the environment of a sandbox that runs."""
    import asyncio

    hosts = program.hosts()
    variables = request_control(url, "POST", "/proxy", {"hosts": hosts})
    program.say(f"joined the sandbox at {url}", *_described(program))
    try:
        asyncio.run(program.child.run(program.environment(variables)))
    finally:
        # A sandbox that has ended meanwhile is told of; the exit code stays the command's.
        with contextlib.suppress(typer.Exit):
            for name in hosts:
                request_control(url, "DELETE", f"/proxy/hosts/{name}")


async def _beside_own_sandbox(
    program: _Program, settings: Settings, address: ListenAddress, log: SandboxLog | None
) -> None:
    """Serve a sandbox, and run the program beside it; ends with the program."""
    import asyncio

    from mediasim.sandbox.addresses import addresses
    from mediasim.sandbox.proxy.serving import sandbox_environment
    from mediasim.sandbox.server import serve_until

    end, running = asyncio.Event(), list[asyncio.Task[None]]()

    async def hang_up(sandbox: Sandbox) -> None:
        """End the calls of a program that was told to end: it may wait for their streams."""
        await program.child.told_to_end.wait()
        await asyncio.sleep(_SECONDS_TO_HANG_UP)
        if sandbox.workers is None:
            await sandbox.end_calls()
        else:
            end.set()  # workers end their calls when they end themselves

    async def run(sandbox: Sandbox, url: str) -> None:
        hanging_up = asyncio.ensure_future(hang_up(sandbox))
        try:
            program.say(*addresses(sandbox, url).split("\n"), *_described(program), log=log)
            environment = program.environment(sandbox_environment(sandbox, url))
            await program.child.run(environment)
        finally:
            hanging_up.cancel()
            end.set()

    def on_ready(sandbox: Sandbox, url: str) -> None:
        running.append(asyncio.ensure_future(run(sandbox, url)))

    # In the config, which all workers have.
    hosts = {**settings.config.hosts, **program.hosts()}
    settings = replace(settings, config=settings.config.model_copy(update={"hosts": hosts}))
    try:
        await serve_until(end, settings, replace(address, proxy=True), on_ready, log=log)
    finally:
        await program.child.end()
        await asyncio.gather(*running)


def _described(program: _Program) -> list[str]:
    """Return how the program is found, in words."""
    return [f"{name} is {url} (PORT)" for name, url in program.hosts().items()]
