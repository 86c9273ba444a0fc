"""Commands that send requests to a running sandbox: ``env``, ``health``, ``call``, ``calls``,
``recordings``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mediasim.commands.control import request_control as _request
from mediasim.commands.ending import ExitCode, json_text, stop

__all__ = ["call", "calls", "env", "health", "recordings"]

_DEFAULT_URL = "http://127.0.0.1:8080"

Url = Annotated[
    str, typer.Option("--url", envvar="MEDIASIM_BASE_URL", help="Where the sandbox is.")
]


def env(
    shell: Annotated[
        bool, typer.Option("--shell", help='As export lines: eval "$(mediasim env --shell)".')
    ] = False,
    dotenv: Annotated[bool, typer.Option("--dotenv", help="As the lines of a .env file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON object.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """Print the environment variables that point an app at the sandbox.

    With --shell, --dotenv or --json they are all by which programs reach it by Twilio's own hosts:
    the sandbox starts its proxy for them, if it has none yet.
    """
    from mediasim.sandbox.access import environment_block
    from mediasim.sandbox.proxy.environment import EnvironmentForm, environment_text

    forms: dict[EnvironmentForm, bool] = {"shell": shell, "dotenv": dotenv, "json": as_json}
    asked = [form for form, given in forms.items() if given]
    if len(asked) > 1:
        stop("expected one of --shell, --dotenv and --json")
    if asked:
        print(environment_text(_request(url, "POST", "/proxy"), asked[0]))
    else:
        print(environment_block(_request(url, "GET", "/env")))


def health(url: Url = _DEFAULT_URL) -> None:
    """Say whether the sandbox is well.

    Exit code 0: it is; 1: something fails it, as its database; 2: none answers.
    """
    found = _request(url, "GET", "/health")
    workers = f"; workers: {found['workers']}" if "workers" in found else ""
    clock = found["clock"]["kind"]
    print(f"{found['status']}; storage: {found['storage']}; clock: {clock}{workers}")
    if found["status"] != "ok":
        raise typer.Exit(ExitCode.FAILED)


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
    placed = _request(url, "POST", "/calls", body)
    print(placed["sid"])


def calls(
    as_json: Annotated[bool, typer.Option("--json", help="All that is known of them.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """List the calls."""
    _list(url, "calls", as_json, ("sid", "direction", "from", "to", "status", "duration"))


def recordings(
    as_json: Annotated[bool, typer.Option("--json", help="All that is known of them.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """List the recordings."""
    columns = ("sid", "call_sid", "source", "channels", "duration", "status")
    _list(url, "recordings", as_json, columns)


def _list(url: str, noun: str, as_json: bool, columns: tuple[str, ...]) -> None:
    found = _request(url, "GET", f"/{noun}")[noun]
    print(json_text(found) if as_json else _table(columns, found))


def _read_steps(file: Path) -> Any:
    """Return the steps in a YAML file; end the command if it cannot be read."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.documents.document import read_yaml

    try:
        steps = read_yaml(file.read_text("utf-8"), file).plain()
    except (ScenarioError, UnicodeError) as error:
        stop(str(error))
    except OSError as error:
        stop(f"{file}: cannot be read: {error.strerror}")
    return steps.get("script", steps) if isinstance(steps, dict) else steps


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    """Return rows as columns side by side, with the names on top."""
    lines = [
        columns,
        *(["-" if row[name] is None else str(row[name]) for name in columns] for row in rows),
    ]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
