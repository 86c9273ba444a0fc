"""The commands ``verify``, which compares recordings with their truth, and ``break``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediasim.commands.ending import Format, json_text, refusing, seed_option, stop
from mediasim.commands.loading import loading

if TYPE_CHECKING:
    from mediasim.recogniser.scoring import TranscriptScore

__all__ = ["EXIT_CODES", "break_recording", "verify"]

_WORDS = 33
EXIT_CODES = """
Exit codes, of several failures the gravest: 0 nothing is wrong; 1 nothing could be measured;
2 the command line is wrong; 10 unreadable; 11 empty; 12 header; 13 swapped; 14 identical;
15 crosstalk; 16 missing; 17 inserted; 18 misaligned; 19 drift; 20 truncated; 21 unequal;
22 level; 23 clipping; 24 click; 25 channels (one too many); 26 repeated packets; 27 packets out of
order; 28 polarity; 29 echo; 30 bandwidth; 31 noise; 32 dc (an offset); 33 words (more errors in the
transcript than --word-errors allows).
"""


def verify(
    recording: Annotated[
        list[Path],
        typer.Argument(help="A file, one file for each of its channels, or a run's folder."),
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Its truth, if that does not stand beside it.")
    ] = None,
    any_start: Annotated[
        bool,
        typer.Option(
            "--any-start",
            help="It may begin and end at other moments: only what differs between channels "
            "is misaligned.",
        ),
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the findings are printed.")
    ] = "text",
    plot: Annotated[Path | None, typer.Option(help="Also draw it: FILE.html or FILE.svg.")] = None,
    transcript: Annotated[
        Path | None,
        typer.Option(help="Also hold a transcript against the truth: Twilio's sentences, as JSON."),
    ] = None,
    word_errors: Annotated[
        float | None,
        typer.Option(min=0.0, help="The most errors for each word said in it: 0.1 is 10%."),
    ] = None,
) -> None:
    """Hold a recording against what was really said, and say what is wrong with it."""
    with loading():
        from mediasim.truth.documents import TruthDocumentError, truth_path
        from mediasim.truth.verify.judge import verification_text
        from mediasim.truth.verify.verify import verify_in_full

    if plot is not None and plot.suffix not in (".html", ".svg"):
        stop(f"expected --plot FILE.html or FILE.svg, found {plot}")
    groups = _recordings(recording)
    if len(groups) > 1 and (truth is not None or plot is not None):
        names = ", ".join(path.name for path, *_ in groups)
        stop(f"--truth and --plot are of one recording, {recording[0]} holds {names}: name one")
    if transcript is not None and len(groups) > 1:
        stop(f"--transcript is of one recording, {recording[0]} holds {len(groups)}: name one")
    if word_errors is not None and transcript is None:
        stop("--word-errors is of a --transcript, and none is named")
    scored = None
    if transcript is not None:
        scored = _scored(transcript, truth or truth_path(groups[0][0]))
    with refusing(TruthDocumentError):
        results = [verify_in_full(paths, truth, any_start=any_start) for paths in groups]
    if plot is not None:
        from mediasim.truth.verify.picture import write_picture

        try:
            write_picture(results[0], plot)
        except OSError as error:
            stop(f"cannot write {plot}: {error.strerror}")
    found = [result.found for result in results]
    if format == "json":
        documents = [each.to_json() for each in found]
        if scored is not None:
            documents[0]["transcript_score"] = scored.to_json()
        printed = documents[0] if len(documents) == 1 else documents
        print(json_text(printed, indent=1))
    else:
        print("\n\n".join(verification_text(each) for each in found))
        if scored is not None:
            print("\n".join(("", *scored.lines())))
    codes = [each.exit_code for each in found]
    if scored is not None and word_errors is not None and (scored.total.rate or 0.0) > word_errors:
        codes.append(_WORDS)
    # Gravest first: 10 and more by number, then 1, then 0.
    raise typer.Exit(min(codes, key=lambda code: (code == 0, code == 1, code)))


def _scored(transcript: Path, truth: Path) -> TranscriptScore:
    """Return the score of a transcript by a recording's truth; ends the command without one."""
    from mediasim.recogniser.scoring import read_transcript, score
    from mediasim.truth.analysis.recording import AnalysisError
    from mediasim.truth.documents import TruthDocumentError, read_document

    with refusing(TruthDocumentError, AnalysisError):
        return score(read_document(truth), read_transcript(transcript))


def _recordings(given: list[Path]) -> list[list[Path]]:
    """Return the files of each recording: those given as one recording, or each of a folder."""
    if len(given) == 1 and given[0].is_dir():
        from mediasim.truth.documents import recordings_in

        found = recordings_in(given[0])
        if not found:
            stop(f"{given[0]} holds no recordings: expected RE….wav in it")
        return [[path] for path in found]
    for path in given:
        if not path.is_file():
            stop(f"there is no file {path}")
    return [given]


def break_recording(
    recording: Annotated[Path | None, typer.Argument(help="A WAV file.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="NAME, NAME:VALUE or NAME:VALUE@CHANNEL; several are applied in order."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The broken copy; its truth is written beside it.")
    ] = None,
    seed: Annotated[int, seed_option("Decides every place that is drawn.")] = 0,
    show: Annotated[bool, typer.Option("--list", help="Name the faults there are.")] = False,
) -> None:
    """Break a recording as real recorders do, with a truth that says how and where.

    Exit code 0: it is broken; 2: that recording or fault cannot be had.
    """
    with loading():
        from mediasim.truth.faults.breaking import break_file
        from mediasim.truth.faults.material import FaultError
        from mediasim.truth.faults.order import gallery_text, parse_fault

    if show:
        print(gallery_text())
        return
    if recording is None or not fault or out is None:
        stop("expected a recording, --fault and --out; mediasim break --list names the faults")
    try:
        orders = [parse_fault(text) for text in fault]
        written = break_file(recording, orders, out, seed=seed)
    except FaultError as error:
        stop(str(error))
    except OSError as error:
        stop(f"cannot write {error.filename or out}: {error.strerror}")
    print(f"wrote {written.recording} and {written.truth}")
    for done in written.faults:
        print(f"  {done['fault']}: {done['does']}")
