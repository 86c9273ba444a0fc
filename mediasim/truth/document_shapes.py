"""The shapes of documents beside recordings, by which they are validated when read again."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mediasim.audio.frames import SAMPLE_RATE

__all__ = ["check_channel_map", "check_truth"]

_LONGEST: Final = 24 * 3600 * 8000
"""Most samples of a recording: 24 hours at 8 kHz."""
_Sample = Annotated[int, Field(ge=-_LONGEST, le=_LONGEST)]
_Count = Annotated[int, Field(ge=0, le=_LONGEST)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _SpanShape(_Shape):
    start: _Sample
    end: _Sample


class _IntervalShape(_SpanShape):
    party: str | None
    kind: str
    text: str
    clip: str
    file: str | None = None
    speaker: str | None = None
    language: str | None = None
    codec: str
    reference: _Count | None = None


class _GapShape(_SpanShape):
    party: str = ""


class _ChannelShape(_Shape):
    channel: Annotated[int, Field(ge=1)]
    intervals: list[_IntervalShape]
    missing: list[_GapShape] = []
    concealed: list[_SpanShape] | None = None
    background_dbfs: float | None = None
    unscripted: list[str] = []


class _TruthShape(_Shape):
    """The parts of a truth sidecar that are read back; others are not validated."""

    sample_rate: Literal[8000] = SAMPLE_RATE
    samples: _Count = 0
    reference: str | None = None
    channels: list[_ChannelShape] = []
    faults: list[dict[str, Any]] = []
    lost_audio: str = ""


class _PlaceShape(_Shape):
    party: str | None = None
    role: str | None = None


class _MapShape(_Shape):
    channels: list[_PlaceShape]


class _DocumentShape(_Shape):
    """A recording's own document, as far as ``analyze`` reads it."""

    channel_map: _MapShape


def check_truth(document: object) -> None:
    """Validate a truth document. Raises ValueError, which names the first invalid part."""
    _check(_TruthShape, document)


def check_channel_map(document: object) -> None:
    """Validate a recording's channel map. Raises ValueError, which names the first invalid part."""
    _check(_DocumentShape, document)


def _check(shape: type[BaseModel], document: object) -> None:
    try:
        shape.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "it"
        raise ValueError(f"{place}: {first['msg'].lower()}") from None
