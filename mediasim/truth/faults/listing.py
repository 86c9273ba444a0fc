"""The gallery as text."""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.material import Fault

__all__ = ["gallery_text"]


def gallery_text() -> str:
    """Every fault: how it is asked for, what it does, whose failure it re-creates."""
    return "\n".join(line for fault in GALLERY.values() for line in _lines(fault))


def _lines(fault: Fault) -> Iterator[str]:
    value = f":{fault.unit.upper()}" if fault.unit else ""
    default = "" if fault.default is None else f"   (default {fault.default:g})"
    channel = "[@CHANNEL]" if fault.of == "channel" else ""
    yield f"{fault.name}{f'[{value}]' if value else ''}{channel}{default}"
    yield f"    {fault.does}"
    yield f"    as in: {fault.re_creates}"
