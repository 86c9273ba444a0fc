"""Recorder faults as they are asked for in a scenario: ``fault: swapped``, ``fault: drift:150``."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from mediasim.documents.values import SHARED
from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.order import parse_fault

__all__ = ["FaultText"]

_PATTERN: Final = rf"^({'|'.join(GALLERY)})(:[+-]?[0-9]+(\.[0-9]+)?)?(@[1-9])?$"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the name of a fault: mediasim break --list names them")
    return value


def _checked(text: str) -> str:
    return str(parse_fault(text))


FaultText = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_checked),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, SHARED: "Fault"}),
]
"""A fault of the gallery: ``name``, ``name:value``, ``name@channel`` or ``name:value@channel``."""
