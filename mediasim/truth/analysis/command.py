"""The command ``analyze``. Heavy imports stay inside: help must come at once."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from mediasim.truth.analysis.analysis import Analysis

__all__ = ["register"]

_WRONG = 2


class Form(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    """What is printed."""

    text = "text"
    json = "json"
    rttm = "rttm"
    vtt = "vtt"


class Detector(str, Enum):  # noqa: UP042
    """What tells speech from silence."""

    auto = "auto"
    energy = "energy"
    silero = "silero"
    webrtc = "webrtc"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(analyze)


def analyze(
    recording: Annotated[
        Path, typer.Argument(help="A recording (RE….wav, or any audio file), or a run's folder.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Its truth, instead of the one beside it.")
    ] = None,
    format: Annotated[Form, typer.Option(help="What is printed.")] = Form.text,
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
    ] = Detector.auto,
    out: Annotated[
        Path | None, typer.Option(help="Also write JSON, RTTM, WebVTT and plot into this folder.")
    ] = None,
) -> None:
    """Tell who speaks when: talk time, silence, overlap, interruptions, response latency.

    Measured on each channel, and beside it what is true where the truth is known. Exit code 2: the
    recording cannot be analysed.
    """
    from mediasim.truth.analysis.errors import AnalysisError

    try:
        analysis = _analysed(recording, truth, detector, transcribe, asr_model)
        _write(analysis, plot, out)
    except AnalysisError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"cannot write {error.filename}: {error.strerror}")
    sys.stdout.write(_printed(analysis, format))


def _analysed(
    recording: Path, truth: Path | None, detector: Detector, transcribe: bool, model: Path | None
) -> Analysis:
    from mediasim.truth.analysis.analysis import analyse
    from mediasim.truth.analysis.errors import AnalysisError
    from mediasim.truth.analysis.recording import find_recording, read_recording

    if model is not None and not transcribe:
        raise AnalysisError("--asr-model names the model of --transcribe, which was not asked for")
    found = read_recording(find_recording(recording), truth)
    recogniser = None
    if transcribe:
        from mediasim.truth.analysis.transcription import Recogniser

        recogniser = Recogniser(model)
    engine = None if detector is Detector.auto else detector.value
    return analyse(found, engine=engine, recogniser=recogniser)


def _write(analysis: Analysis, plot_file: Path | None, out: Path | None) -> None:
    from mediasim.truth.analysis.plot import plot

    files = {} if plot_file is None else {plot_file: plot(analysis, plot_file)}
    if out is not None:
        name = analysis.recording.name
        # No RE….json: that is a recording's own document.
        page = out / f"analysis-{name}.html"
        files[page] = plot(analysis, page)
        files[out / f"analysis-{name}.json"] = _printed(analysis, Form.json)
        files[out / f"{name}.rttm"] = _printed(analysis, Form.rttm)
        files[out / f"{name}.vtt"] = _printed(analysis, Form.vtt)
        if analysis.true is not None:
            from mediasim.truth.analysis.rttm import rttm

            files[out / f"{name}.truth.rttm"] = rttm(analysis.true, name)
        out.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        file.write_text(content, "utf-8")


def _printed(analysis: Analysis, form: Form) -> str:
    from mediasim.truth.analysis.as_json import analysis_json

    if form is Form.rttm:
        from mediasim.truth.analysis.rttm import rttm

        return rttm(analysis.measured, analysis.recording.name)
    if form is Form.vtt:
        from mediasim.truth.analysis.webvtt import webvtt

        return webvtt(analysis)
    document = analysis_json(analysis)
    if form is Form.json:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    from mediasim.truth.analysis.as_text import analysis_text

    return analysis_text(document)


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(_WRONG)
