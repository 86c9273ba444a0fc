"""The command line: ``mediasim`` with all its commands."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

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

app = typer.Typer(
    name="mediasim",
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
    app.command()(_command)
for _of_sandbox in (serve, worker, env, health, call, calls, recordings):
    app.command()(_of_sandbox)
app.command(context_settings={"allow_interspersed_args": False})(watch)
app.command("exec", context_settings={"allow_interspersed_args": False})(exec_command)
app.command()(analyze)
app.command(epilog=EXIT_CODES)(verify)
app.command("break")(break_recording)
app.command()(fuzz)
app.command(cls=CampaignCommand)(campaign)
app.command()(export)
app.command("import")(import_capture)


def main() -> None:
    """Run the ``mediasim`` command."""
    # Imports make objects by the hundred thousand and no garbage: looking for it is a tenth of
    # the time a short run takes.
    gc.set_threshold(50_000, 20, 20)
    app()
