"""The command line: ``mediasim`` with all its commands."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_command_name

from mediasim.commands.analyze import analyze
from mediasim.commands.campaign import campaign
from mediasim.commands.campaign_engines import CampaignCommand
from mediasim.commands.docs import docs
from mediasim.commands.examples import examples
from mediasim.commands.exec import exec_command
from mediasim.commands.export import export
from mediasim.commands.fuzz import fuzz
from mediasim.commands.import_capture import import_capture
from mediasim.commands.run import run
from mediasim.commands.sandbox import call, calls, env, health, recordings
from mediasim.commands.scenarios import check, explain, new, schema, sdp
from mediasim.commands.serve import serve
from mediasim.commands.verify import EXIT_CODES, break_recording, verify
from mediasim.commands.watch import watch
from mediasim.commands.worker import worker

__all__ = ["app", "main"]

_registered = typer.Typer()
"""The commands with their functions and options."""


class _OnDemand(Mapping[str, Any]):
    """The commands by name, each made when first asked for: making all of them takes longer than
    many a run."""

    def __getitem__(self, name: str) -> Any:
        return _made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_by_name())

    def __len__(self) -> int:
        return len(_by_name())


@cache
def _by_name() -> dict[str, typer.models.CommandInfo]:
    return {
        each.name or get_command_name(cast(Any, each.callback).__name__): each
        for each in _registered.registered_commands
    }


@cache
def _made(name: str) -> Any:
    """Return a command. Raises KeyError."""
    return get_command_from_info(
        _by_name()[name], pretty_exceptions_short=True, rich_markup_mode=None
    )


class _Commands(TyperGroup):
    """The commands of ``mediasim``."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(Any, _OnDemand())


app = typer.Typer(
    name="mediasim",
    cls=_Commands,
    help="Telephone calls as RTP, recorded as Twilio records them, with the truth of every sample.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from mediasim import __version__

        print(f"mediasim {__version__}")
        raise typer.Exit


for _command in (run, check, new, examples, schema, sdp, explain, docs):
    _registered.command()(_command)
for _of_sandbox in (serve, worker, env, health, call, calls, recordings):
    _registered.command()(_of_sandbox)
_registered.command(context_settings={"allow_interspersed_args": False})(watch)
_registered.command("exec", context_settings={"allow_interspersed_args": False})(exec_command)
_registered.command()(analyze)
_registered.command(epilog=EXIT_CODES)(verify)
_registered.command("break")(break_recording)
_registered.command()(fuzz)
_registered.command(cls=CampaignCommand)(campaign)
_registered.command()(export)
_registered.command("import")(import_capture)


def main() -> None:
    """Run the ``mediasim`` command."""
    # Imports make objects by the hundred thousand and no garbage: looking for it is a tenth of
    # the time a short run takes.
    gc.set_threshold(50_000, 20, 20)
    app()
