"""The shape of a truth sidecar, as far as it is read again; of other parts nothing is asked."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TruthShape"]

_LONGEST: Final = 24 * 3600 * 8000
"""Samples of the longest recording there can be."""
_Sample = Annotated[int, Field(ge=-_LONGEST, le=_LONGEST)]
_Count = Annotated[int, Field(ge=0, le=_LONGEST)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Span(_Part):
    start: _Sample
    end: _Sample


class _Interval(_Span):
    party: str | None
    kind: str
    text: str
    clip: str
    codec: str
    reference: _Count | None = None


class _Gap(_Span):
    party: str = ""


class _Channel(_Part):
    channel: Annotated[int, Field(ge=1)]
    intervals: list[_Interval]
    missing: list[_Gap] = []
    concealed: list[_Span] | None = None
    background_dbfs: float | None = None
    unscripted: list[str] = []


class TruthShape(_Part):
    """All of it."""

    samples: _Count = 0
    reference: str | None = None
    channels: list[_Channel] = []
    faults: list[dict[str, Any]] = []
    lost_audio: str = ""
