"""The command ``analyze``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mediasim.commands.ending import stop
from mediasim.commands.loading import loading
from mediasim.documents.diagnostics import printable

if TYPE_CHECKING:
    from mediasim.truth.analysis.analysis import Analysis

__all__ = ["analyze"]


Form = Literal["text", "json", "rttm", "vtt", "ctm"]
"""The format that is printed."""
Detector = Literal["auto", "energy", "silero", "webrtc"]
"""The detector of speech."""


def analyze(
    recording: Annotated[
        Path, typer.Argument(help="A recording (RE….wav, or any audio file), or a run's folder.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Its truth, instead of the one beside it.")
    ] = None,
    format: Annotated[Form, typer.Option("--format", "-f", help="What is printed.")] = "text",
    plot: Annotated[
        Path | None, typer.Option(help="Also draw it, as an .svg or .html file.")
    ] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Recognise the words of each channel, offline.")
    ] = False,
    asr_model: Annotated[
        Path | None, typer.Option(help="The folder of a CTranslate2 Whisper model to use.")
    ] = None,
    transcript: Annotated[
        Path | None,
        typer.Option(help="Hold a transcript against the truth: Twilio's sentences, as JSON."),
    ] = None,
    detector: Annotated[
        Detector, typer.Option(help="What tells speech from silence; auto: by the channel's noise.")
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="Also write JSON, RTTM, WebVTT, CTM and plot into this folder."),
    ] = None,
) -> None:
    """Tell who speaks when: talk time, silence, overlap, interruptions, response latency.

    Measured on each channel, and beside it what is true where the truth is known. Exit code 2: a
    recording cannot be analysed; of a folder the others are.
    """
    with loading():
        from mediasim.truth.analysis.recording import AnalysisError

    try:
        one = truth is not None or plot is not None or format == "vtt" or transcript is not None
        if transcript is not None and format not in ("text", "json"):
            stop(f"expected --format text or json with --transcript, found {format}")
        several = recording.is_dir() and not one
        failed: list[str] = []
        found = list(_analysed(recording, truth, detector, transcribe, asr_model, failed, one=one))
        for analysis in found:
            _write(analysis, plot, out)
        if format == "json" and several and len(found) + len(failed) > 1:
            text = _json([_document(analysis) for analysis in found])
        else:
            text = ("\n" if format == "text" else "").join(_each_printed(found, format))
        if transcript is not None:
            text = _with_score(text, found[0], transcript, format)
    except AnalysisError as error:
        stop(str(error))
    except OSError as error:
        stop(f"cannot write {error.filename}: {error.strerror}")
    sys.stdout.write(text)
    if failed:
        stop("\n".join(failed))


def _with_score(text: str, analysis: Analysis, transcript: Path, form: Form) -> str:
    """Return what is printed of an analysis with the score of a transcript added.

    Raises AnalysisError if the transcript cannot be read or there is no truth.
    """
    from mediasim.recogniser.scoring import read_transcript, score
    from mediasim.truth.analysis.recording import AnalysisError

    heard = read_transcript(transcript)
    if analysis.recording.truth is None:
        raise AnalysisError(
            f"a transcript is held against the truth, and {analysis.recording.path} has none"
        )
    found = score(analysis.recording.truth, heard)
    if form == "json":
        return _json({**json.loads(text), "transcript_score": found.to_json()})
    return text + "\n".join(("", *found.lines())) + "\n"


def _analysed(
    recording: Path,
    truth: Path | None,
    detector: Detector,
    transcribe: bool,
    model: Path | None,
    failed: list[str],
    *,
    one: bool,
) -> Iterator[Analysis]:
    """Yield the analysis of a recording, or of all in a folder unless only ``one`` can be printed
    or drawn.

    Why some of several cannot be analysed is added to ``failed``. Raises AnalysisError if none can.
    """
    from mediasim.truth.analysis.analysis import analyse
    from mediasim.truth.analysis.recording import (
        AnalysisError,
        find_recording,
        find_recordings,
        read_recording,
    )

    if model is not None and not transcribe:
        raise AnalysisError("--asr-model names the model of --transcribe, which was not asked for")
    paths = [find_recording(recording)] if one else find_recordings(recording)
    recogniser = None
    if transcribe:
        from mediasim.truth.analysis.transcription import Recogniser

        recogniser = Recogniser(model)
    engine = None if detector == "auto" else detector
    for path in paths:
        try:
            analysis = analyse(read_recording(path, truth), engine=engine, recogniser=recogniser)
        except AnalysisError as error:
            failed.append(str(error))
            if len(failed) == len(paths):
                raise AnalysisError("\n".join(failed)) from None
        else:
            yield analysis


def _write(analysis: Analysis, plot_file: Path | None, out: Path | None) -> None:
    """Write the picture, and with ``out`` all formats, to files."""
    from mediasim.truth.analysis.picture import plot

    files = {} if plot_file is None else {plot_file: plot(analysis, plot_file)}
    if out is not None:
        name = analysis.recording.name
        # No RE….json: that is a recording's own document.
        page = out / f"analysis-{name}.html"
        files[page] = plot(analysis, page)
        files[out / f"analysis-{name}.json"] = _printed(analysis, "json")
        files[out / f"{name}.rttm"] = _printed(analysis, "rttm")
        files[out / f"{name}.vtt"] = _printed(analysis, "vtt")
        if analysis.true is not None:
            from mediasim.truth.analysis.as_text import rttm

            files[out / f"{name}.truth.rttm"] = rttm(analysis.true, name)
        if any(said.words for said in analysis.true_utterances or ()):
            files[out / f"{name}.truth.ctm"] = _printed(analysis, "ctm")
        out.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        file.write_text(content, "utf-8")


def _each_printed(analyses: Sequence[Analysis], form: Form) -> list[str]:
    """Return each analysis in a format; one that has no such form is named on the error channel.

    Raises AnalysisError if none has one.
    """
    from mediasim.truth.analysis.recording import AnalysisError

    texts, without = [], []
    for analysis in analyses:
        try:
            texts.append(_printed(analysis, form))
        except AnalysisError as error:
            without.append(str(error))
    if without and not texts:
        raise AnalysisError("\n".join(without))
    for words in without:
        print(printable(words), file=sys.stderr)
    return texts


def _printed(analysis: Analysis, form: Form) -> str:
    """Return an analysis in a format."""
    if form == "rttm":
        from mediasim.truth.analysis.as_text import rttm

        return rttm(analysis.measured, analysis.recording.name)
    if form == "vtt":
        from mediasim.truth.analysis.as_text import webvtt

        return webvtt(analysis)
    if form == "ctm":
        from mediasim.truth.analysis.as_text import ctm

        return ctm(analysis)
    if form == "json":
        return _json(_document(analysis))
    from mediasim.truth.analysis.as_text import analysis_text

    return analysis_text(_document(analysis))


def _document(analysis: Analysis) -> dict[str, Any]:
    from mediasim.truth.analysis.as_json import analysis_json

    return analysis_json(analysis)


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
