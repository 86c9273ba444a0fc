"""Commands about scenario files and the files of runs: ``check``, ``new``, ``schema``, ``sdp``,
``explain``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediasim.commands.ending import json_text, refusing, stop
from mediasim.commands.examples import copy_template, templates

if TYPE_CHECKING:
    from mediasim.scenario.model.scenario import Scenario

__all__ = ["check", "explain", "load", "new", "schema", "sdp"]


def load(paths: list[str]) -> list[Scenario]:
    """Read all scenarios and check them before any runs; end with exit code 2 if one is wrong."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.model.load import load_scenarios
    from mediasim.scenario.running.sounds import check_sounds

    with refusing(ScenarioError):
        found = load_scenarios(paths)
        check_sounds(found)
    return found


def check(
    files: Annotated[
        list[str],
        typer.Argument(help="Scenarios, number plans and campaigns; * and ** stand for several."),
    ],
) -> None:
    """Check files without running them: every mistake with its line, and what each file holds.

    Exit code 0: all are right; 2: one is wrong.
    """
    from mediasim.commands.checking import checked

    lines, mistakes = checked(files)
    print("\n".join(lines)) if lines else None
    if mistakes is not None:
        stop(mistakes)


def new(
    name: Annotated[str, typer.Argument(help="The scenario's name, or a file.")],
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            "-t",
            help="An app with its tests and number plan instead, in a folder of that name; mediasim"
            " examples lists them.",
            autocompletion=templates,
        ),
    ] = None,
) -> None:
    """Write a commented scenario to start from, and beside it the schema that editors know its keys
    by; or an app with its tests."""
    if template is not None:
        files = copy_template(template, Path(name))
        print(f"wrote {', '.join(map(str, files))}; test it with: cd {name} && python -m pytest")
        return
    from mediasim.scenario.model.load import scenario_schema
    from mediasim.scenario.model.starter import SCHEMA_FILE, starter_scenario

    path = Path(name)
    if not path.name:
        stop(f"expected the name of a scenario, found {name!r}")
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(path.name + ".yaml")
    try:
        text = starter_scenario(path.stem)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        path.with_name(SCHEMA_FILE).write_text(json_text(scenario_schema()), "utf-8")
    except ValueError as error:
        stop(str(error))
    except FileExistsError:
        stop(f"{path} exists already: choose another name")
    except OSError as error:
        stop(f"cannot write {path}: {error.strerror}")
    print(f"wrote {path}; run it with: mediasim run {path}")


def schema(
    config: Annotated[
        bool, typer.Option("--config", help="Of the sandbox's config files instead.")
    ] = False,
    campaign: Annotated[
        bool, typer.Option("--campaign", help="Of the specs of campaigns instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from mediasim.campaign import campaign_schema
    from mediasim.sandbox.config import config_schema
    from mediasim.scenario.model.load import scenario_schema

    if config and campaign:
        stop("--config and --campaign are of different files: give one")
    schema = config_schema if config else campaign_schema if campaign else scenario_schema
    print(json_text(schema()))


def sdp(
    scenario: Annotated[str, typer.Argument(help="A scenario file with an endpoint elsewhere.")],
    party: Annotated[str | None, typer.Option(help="Which; the only one where left out.")] = None,
    of_peer: Annotated[
        bool, typer.Option("--of-peer", help="What the endpoint itself receives, for its player.")
    ] = False,
) -> None:
    """Print the session description of a party elsewhere: where it is to send its RTP, and what."""
    from mediasim.documents.diagnostics import ScenarioError
    from mediasim.scenario.running.endpoints import described

    found = load([scenario])[0]
    known = [name for name, each in found.parties.items() if each.endpoint is not None]
    if (party is None and len(known) != 1) or (party is not None and party not in known):
        names = ", ".join(known) or "none"
        stop(f"expected --party with one that has an endpoint; there are: {names}")
    with refusing(ScenarioError):
        sys.stdout.write(described(found, party or known[0], of_peer=of_peer).text())


def explain(
    what: Annotated[
        str,
        typer.Argument(
            help="A recording's SID or JSON file, a run's folder, or one of Twilio's error codes."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where the recordings are, for a SID.")] = Path(
        "mediasim-out/latest"
    ),
) -> None:
    """Say why recordings have the channels they have, or what an error code means."""
    if what.isdigit() and not Path(what).exists():
        from mediasim.twilio.explain_code import explain_code

        with refusing(LookupError):
            print(explain_code(int(what)))
        return
    from mediasim.scenario.report.explain import ExplainError, explain_recordings

    with refusing(ExplainError):
        print(explain_recordings(what, out))
