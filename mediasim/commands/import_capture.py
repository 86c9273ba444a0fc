"""The command ``import``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mediasim.commands.ending import ExitCode, json_text, stop
from mediasim.commands.loading import loading

__all__ = ["import_capture"]


def import_capture(
    capture: Annotated[Path, typer.Argument(help="A pcap or pcapng file.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Where the recording goes, instead of a new folder in mediasim-out."),
    ] = None,
    caller: Annotated[
        str | None, typer.Option(help="Who called: the address its RTP comes from, or its SSRC.")
    ] = None,
    callee: Annotated[str | None, typer.Option(help="Who was called, in the same words.")] = None,
    codec: Annotated[
        list[str] | None, typer.Option(help="What a payload type is, as in 96=opus; repeatable.")
    ] = None,
    channels: Annotated[
        Literal["dual", "mono"], typer.Option(help="What the recording was asked for as.")
    ] = "dual",
    from_answer: Annotated[
        bool, typer.Option("--from-answer", help="Begin when both are heard, not when either is.")
    ] = False,
    depth: Annotated[
        int, typer.Option(help="Frames of 20 ms that packets wait to be played.", min=1, max=50)
    ] = 3,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take a capture that ends in the middle of a frame.")
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="Only list the RTP streams.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the recording Twilio would have made of a call captured as pcap.

    Channel 1 is the caller, channel 2 who was called, each played out and placed as in a run. Where
    the capture holds several calls, the streams are listed and --caller and --callee choose.

    Exit code 0: it was recorded, or listed; 2: the capture or the command line is wrong.
    """
    with loading():
        from mediasim.scenario.importing.captured_call import (
            ImportRefused,
            UnclearChoice,
            choose,
            read_captured,
            signalled_in,
        )
        from mediasim.scenario.importing.formats import format_of, parse_codec
        from mediasim.scenario.importing.replay import replay
        from mediasim.scenario.importing.report import listing, listing_text, report, report_text
        from mediasim.scenario.running.run_folders import DEFAULT_FOLDER, RunFolder, run_folder

    try:
        names = dict(map(parse_codec, codec or ()))
        captured = read_captured(capture, partial=partial)
        signalled = signalled_in(captured.datagrams)
        if show:
            found = listing(captured, signalled, names)
            _print(found, listing_text(found), as_json)
            return
        try:
            choice = choose(captured, signalled, caller, callee)
        except UnclearChoice as unclear:
            print(f"{capture}: {unclear}", file=sys.stderr)
            print(listing_text(listing(captured, signalled, names)), file=sys.stderr)
            raise typer.Exit(ExitCode.WRONG) from None
        first, second = (
            format_of(direction, {**signalled.names_for(direction), **names}, depth)
            for direction in (choice.caller, choice.callee)
        )
        with run_folder() if out is None else nullcontext(RunFolder(out)) as folder:
            replayed = replay(
                choice,
                (first, second),
                captured.seed,
                folder.path,
                channels=channels,
                from_answer=from_answer,
            )
        result = report(captured, choice, (first, second), replayed)
    except ImportRefused as error:
        stop(str(error))
    except OSError as error:
        where = error.filename or out or DEFAULT_FOLDER
        stop(f"cannot write to {where}: {error.strerror}")
    _print(result, report_text(result, str(folder.path)), as_json)
    if not as_json:
        for words in result["warnings"]:
            print(f"warning: {words}", file=sys.stderr)


def _print(data: dict[str, Any], text: str, as_json: bool) -> None:
    print(json_text(data, indent=1) if as_json else text)
