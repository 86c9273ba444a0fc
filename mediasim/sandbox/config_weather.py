"""The ``weather`` of config files, the control API and tests: faults as users write them.

:attr:`WeatherSpell.fault_rule` is what fault injection makes of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from mediasim.documents.document import Origin, from_python, validated
from mediasim.documents.durations import Duration
from mediasim.documents.model import Misfit, Model, OneOrMany
from mediasim.documents.values import Flag, Number, Ratio, Text, count
from mediasim.scenario.model.recording import FaultText
from mediasim.truth.faults.order import parse_fault
from mediasim.twilio.fault_injection import FaultRule
from mediasim.twilio.rest.table import callbacks
from mediasim.twilio.webhooks import ODDITIES

__all__ = ["WeatherSpell", "parse_weather"]

_SCOPE: Final = ("only", "sid", "url", "number", "share", "times")


if TYPE_CHECKING:
    _Kind = str
    _Oddity = str
else:
    _Kind = Literal[callbacks()]
    _Oddity = Literal[tuple(ODDITIES)]


class WeatherSpell(Model):
    """What goes wrong between the sandbox and an app; several spells add up."""

    webhook_delay: Duration = Duration(0)
    """Callbacks come so much later."""
    webhook_jitter: Duration = Duration(0)
    """And later still, by up to so much, drawn from the seed."""
    webhook_duplicate: Annotated[int, count(1, 10)] = 1
    """How often each callback is delivered."""
    webhook_reorder: Flag = False
    """Each callback is overtaken by the next one of its call; it waits 10 s at most."""
    webhook_reorder_tracks: Flag = False
    """Of a real-time transcription, what is told of a track is overtaken by the next of the other
    track; it waits 10 s at most."""
    webhook_drop: Flag = False
    """Callbacks are never sent."""
    webhook_status: Annotated[int, count(400, 599)] | None = None
    """The app gets the callback, its answer is lost; this one counts, and it is sent again."""
    webhook_early: Flag = False
    """What a request to the API causes is told before the request is answered."""
    webhook_signature: OneOrMany[_Oddity] = ()
    """Requests to the app, for TwiML too, are not signed quite as they are sent: sorted-query,
    unescaped-query, unsigned-parameters, repeated-parameter, duplicated-parameters, port-added,
    port-removed, forged."""
    media_missing: Duration = Duration(0)
    """A recording's media is not found (404) for so long after it is completed."""
    media_rate: Annotated[int, count(1, 1_000_000_000)] | None = None
    """Bytes a second of downloads, in real time."""
    media_truncated: Ratio | None = None
    """The share of a download after which its connection breaks."""
    api_status: Annotated[int, count(429, 599)] | None = None
    """Requests to the API are answered so, and not carried out: 429, or 500 to 599."""
    recorder_fault: OneOrMany[FaultText] = ()
    """Recordings are broken so when they are completed, one after the other: swapped, drift:150,
    dead-channel:10@2 ...; mediasim break --list names them all. Their truth says what was done."""

    only: OneOrMany[_Kind] = ()
    """Only callbacks of these kinds; all where absent."""
    sid: Text | None = None
    """Only what is about this call, conference or recording."""
    url: Text | None = None
    """Only where this is part of the URL: the callback's, or the request's."""
    number: Number | None = None
    """Only recordings of calls from or to this number."""
    share: Ratio = 1.0
    """Of all that, the share that is struck, drawn from the seed."""
    times: Annotated[int, count(1, 1_000_000)] | None = None
    """Only the first so many; all where absent."""

    def troubles(self) -> Iterator[Misfit]:
        if not self.model_fields_set.difference(_SCOPE):
            keys = "webhook_…, media_…, api_status or recorder_fault"
            yield (), f"says whom it strikes, but not how: expected {keys}"
        if self.number is not None and not self.recorder_fault:
            yield ("number",), "only recordings are told by number: give a recorder_fault too"
        if self.api_status is not None and 429 < self.api_status < 500:
            yield ("api_status",), f"expected 429, or 500 to 599, found {self.api_status}"

    @property
    def fault_rule(self) -> FaultRule:
        """The rule by which these faults are injected."""
        delays = int(self.webhook_delay), int(self.webhook_delay + self.webhook_jitter)
        return FaultRule(
            webhook_delay_ns=delays if delays[1] else None,
            webhook_duplicate=self.webhook_duplicate,
            webhook_reorder=self.webhook_reorder,
            webhook_reorder_tracks=self.webhook_reorder_tracks,
            webhook_drop=self.webhook_drop,
            webhook_status=self.webhook_status,
            webhook_early=self.webhook_early,
            webhook_signature=tuple(self.webhook_signature or ()),
            media_missing_ns=int(self.media_missing),
            media_bytes_per_second=self.media_rate,
            media_truncated=self.media_truncated,
            api_status=self.api_status,
            recorder_faults=tuple(parse_fault(str(each)) for each in self.recorder_fault or ()),
            number=self.number,
            kinds=tuple(self.only or ()),
            sid=self.sid,
            url=self.url,
            share=self.share,
            times=self.times,
        )


def parse_weather(given: Mapping[str, Any]) -> WeatherSpell:
    """Read one spell of weather given as data.

    Raises ScenarioError with every mistake in it.
    """
    return validated(WeatherSpell, Origin(from_python(given), Path()))
