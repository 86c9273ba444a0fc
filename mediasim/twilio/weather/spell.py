"""One spell of bad weather: what goes wrong, and to whom it happens."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from mediasim.truth.faults.order import FaultOrder

__all__ = ["Spell"]


@dataclass(frozen=True, slots=True)
class Spell:
    """Everything it does happens to all that is in its scope, as often as it says."""

    webhook_delay_ns: tuple[int, int] | None = None
    """Callbacks come this much later: at least, at most."""
    webhook_duplicate: int = 1
    """How often each callback is delivered."""
    webhook_reorder: bool = False
    """Each callback is overtaken by the next one of its call or conference."""
    webhook_drop: bool = False
    """Callbacks are never sent."""
    webhook_status: int | None = None
    """The app's answer is lost; this status comes in its stead, and the callback is sent again."""
    webhook_early: bool = False
    """What a POST to the API causes is told before the POST is answered."""
    media_missing_ns: int = 0
    """For so long after a recording is completed its media is not found."""
    media_bytes_per_second: int | None = None
    """Downloads are no faster, in real time."""
    media_truncated: float | None = None
    """The share of a download that arrives before the connection breaks."""
    api_status: int | None = None
    """Requests to the API are refused with this status: 429, or one of 5xx."""
    recorder_faults: tuple[FaultOrder, ...] = ()
    """Recordings are broken in these ways when they are completed, one after the other."""

    kinds: tuple[str, ...] = ()
    """Only callbacks of these kinds; none named: of all."""
    sid: str | None = None
    """Only what is about this call, conference or recording."""
    url: str | None = None
    """Only where this is part of the URL: of the callback, or of the request."""
    number: str | None = None
    """Only recordings of calls from or to this number."""
    share: float = 1.0
    """The share that is struck, drawn from the seed."""
    times: int | None = None
    """Only the first so many callbacks, requests, downloads and recordings."""

    def to_json(self) -> dict[str, Any]:
        """What it does, and to whom; without what it leaves alone."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {field.name: field.default for field in fields(self)}
        given["recorder_faults"] = tuple(str(order) for order in self.recorder_faults)
        return {name: value for name, value in given.items() if value != plain[name]}
