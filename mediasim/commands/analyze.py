"""The command ``analyze``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mediasim.commands.ending import stop

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
    format: Annotated[Form, typer.Option(help="What is printed.")] = "text",
    plot: Annotated[
        Path | None, typer.Option(help="Also draw it, as an .svg or .html file.")
    ] = None,
    transcribe: Annotated[
        bool, typer.Option("--transcribe", help="Recognise the words of each channel, offline.")
    ] = False,
    asr_model: Annotated[
        Path | None, typer.Option(help="The folder of a CTranslate2 Whisper model to use.")
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

    Measured on each channel, and beside it what is true where the truth is known. Exit code 2: the
    recording cannot be analysed.
    """
    from mediasim.truth.analysis.recording import AnalysisError

    try:
        one = truth is not None or plot is not None or format == "vtt"
        found = list(_analysed(recording, truth, detector, transcribe, asr_model, one=one))
        for analysis in found:
            _write(analysis, plot, out)
        if format == "json" and len(found) > 1:
            text = _json([_document(analysis) for analysis in found])
        else:
            text = ("\n" if format == "text" else "").join(
                _printed(analysis, format) for analysis in found
            )
    except AnalysisError as error:
        stop(str(error))
    except OSError as error:
        stop(f"cannot write {error.filename}: {error.strerror}")
    sys.stdout.write(text)


def _analysed(
    recording: Path,
    truth: Path | None,
    detector: Detector,
    transcribe: bool,
    model: Path | None,
    *,
    one: bool,
) -> Iterator[Analysis]:
    """Yield the analysis of a recording, or of all in a folder unless only ``one`` can be printed
    or drawn.

    Raises AnalysisError if a recording cannot be analysed.
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
        yield analyse(read_recording(path, truth), engine=engine, recogniser=recogniser)


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
