"""Requested faults (``swapped``, ``drift:150``, ``late:20@1``), and the gallery as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from mediasim.truth.faults.gallery import GALLERY
from mediasim.truth.faults.material import Fault, FaultError

__all__ = ["ORDER_PATTERN", "FaultOrder", "gallery_text", "parse_fault"]


ORDER_PATTERN: Final = r"([a-z0-9-]+)(?::([+-]?[0-9]+(?:\.[0-9]+)?))?(?:@([1-9]))?"
_FORM: Final = "NAME, NAME:VALUE, NAME@CHANNEL or NAME:VALUE@CHANNEL"


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault that is requested of a recording."""

    fault: Fault
    value: float | None
    channel: int | None
    """Number of the channel, counted from 1; None for the last one."""

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value:g}"
        channel = "" if self.channel is None else f"@{self.channel}"
        return f"{self.fault.name}{value}{channel}"

    def obstacle(self, channels: int) -> str | None:
        """Return why it is not applicable to a recording of so many channels; None if it is."""
        if self.fault.fewest > channels:
            return f"{self} takes a recording of two channels, and this one has one"
        if self.channel is not None and self.channel > channels:
            return f"{self}: the recording has no channel {self.channel}, only {channels}"
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "fault": self.fault.name,
            "value": self.value,
            "unit": self.fault.value.unit,
            "does": self.fault.does,
            "re_creates": self.fault.re_creates,
        }


def parse_fault(text: str) -> FaultOrder:
    """Parse a requested fault. Raises FaultError, which states what was expected."""
    found = re.fullmatch(ORDER_PATTERN, text.strip())
    if found is None:
        raise FaultError(f"expected a fault as {_FORM}, found {text!r}")
    name, value, channel = found.groups()
    fault = GALLERY.get(name)
    if fault is None:
        close = get_close_matches(name, GALLERY, 1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise FaultError(f"there is no fault {name!r}{meant}; there are: {', '.join(GALLERY)}")
    if value is not None and not fault.value.unit:
        raise FaultError(f"the fault {name} takes no value, found {value}")
    if channel is not None and fault.scope != "channel":
        raise FaultError(f"the fault {name} strikes the whole recording, not channel {channel}")
    range_ = fault.value
    number = range_.default if value is None else float(value)
    if value is not None and not range_.low <= float(value) <= range_.high:
        raise FaultError(
            f"expected {name}:{range_.low:g} to {name}:{range_.high:g} ({range_.unit}), "
            f"found {value}"
        )
    return FaultOrder(fault, number, None if channel is None else int(channel))


# -- the gallery as text --------------------------------------------------------------------


def gallery_text() -> str:
    """List every fault: how it is requested, what it does, which failure it re-creates."""
    return "\n".join(line for fault in GALLERY.values() for line in _lines(fault))


def _lines(fault: Fault) -> Iterator[str]:
    value = f":{fault.value.unit.upper()}" if fault.value.unit else ""
    default = "" if fault.value.default is None else f"   (default {fault.value.default:g})"
    channel = "[@CHANNEL]" if fault.scope == "channel" else ""
    yield f"{fault.name}{f'[{value}]' if value else ''}{channel}{default}"
    yield f"    {fault.does}"
    yield f"    as in: {fault.re_creates}"
