"""Fault injection: the rules that are active now, and what they do to requests and media.

Faults are those of real networks and servers; they are drawn from a seed and named in the delivery
log. Several rules add up. Every draw is a stream of the seed, labelled with the rule's number and
how many callbacks, requests, downloads or recordings were in its scope; so the same test has the
same faults. All of it is used on the engine's loop, but for :attr:`FaultInjection.idle`, which any
thread may read. What is called weather in the user's configuration is a list of such rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from mediasim.seeds import Seeds
from mediasim.truth.faults.order import FaultOrder

__all__ = ["CallbackFault", "DownloadFault", "FaultInjection", "FaultRule"]

Group = Literal["callback", "early", "signature", "request", "download", "recording"]
_WHOLE: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Faults, and the scope of what they happen to."""

    webhook_delay_ns: tuple[int, int] | None = None
    """Least and most nanoseconds by which callbacks are delayed; None: no delay."""
    webhook_duplicate: int = 1
    """Number of times that each callback is delivered."""
    webhook_reorder: bool = False
    """Whether each callback is overtaken by the next one of its call or conference."""
    webhook_reorder_tracks: bool = False
    """Whether what a real-time transcription tells of a track is overtaken by the next of the other
    track."""
    webhook_drop: bool = False
    """Whether callbacks are not sent at all."""
    webhook_status: int | None = None
    """Status that replaces the app's first response, so that the callback is sent again."""
    webhook_early: bool = False
    """Whether callbacks that a POST to the API causes are sent before the response to the POST."""
    webhook_signature: tuple[str, ...] = ()
    """Oddities of the signatures of all requests to the app (:mod:`.webhooks.oddities`)."""
    media_missing_ns: int = 0
    """Nanoseconds after its completion during which a recording's media is not found."""
    media_bytes_per_second: int | None = None
    """Highest rate of downloads in real time; None: no limit."""
    media_truncated: float | None = None
    """Share of a download that is sent before the connection breaks; None: it does not."""
    api_status: int | None = None
    """Status that requests to the API are refused with: 429, or one of 5xx; None: none are."""
    recorder_faults: tuple[FaultOrder, ...] = ()
    """Faults that are put into completed recordings, one after the other."""

    kinds: tuple[str, ...] = ()
    """Kinds of callbacks in scope; empty: all."""
    sid: str | None = None
    """SID of the call, conference or recording in scope; None: all."""
    url: str | None = None
    """Text that the URL of a callback or request in scope contains; None: any URL."""
    number: str | None = None
    """Number that recorded calls in scope are from or to; None: any number."""
    share: float = 1.0
    """Share of what is in scope that the faults happen to, drawn from the seed."""
    times: int | None = None
    """Most callbacks, requests, downloads and recordings each; None: no limit."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {field.name: field.default for field in fields(self)}
        given["recorder_faults"] = tuple(str(order) for order in self.recorder_faults)
        return {name: value for name, value in given.items() if value != plain[name]}


@dataclass(slots=True)
class CallbackFault:
    """What is done to one callback."""

    injected: list[str] = field(default_factory=list)
    """The faults in words, for the delivery log."""
    delay_ns: int = 0
    copies: int = 1
    status: int | None = None
    dropped: bool = False
    overtaken: bool = False
    overtaken_by_track: bool = False
    """Whether it is overtaken if it is about a track, by the next about another one."""


@dataclass(slots=True)
class DownloadFault:
    """What is done to one download of a recording's media."""

    injected: list[str] = field(default_factory=list)
    missing: bool = False
    bytes_per_second: int | None = None
    truncated: float | None = None


@dataclass(slots=True)
class _Active:
    number: int
    rule: FaultRule
    seen: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)


class FaultInjection:
    """The active rules, none at first."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._begun = 0
        self._active: list[_Active] = []

    @property
    def idle(self) -> bool:
        """Whether no rule is active. May be read from any thread."""
        return not self._active

    def begin(self, rule: FaultRule) -> str:
        """Activate a rule and return its name."""
        self._begun += 1
        self._active.append(_Active(self._begun, rule))
        return str(self._begun)

    def end(self, name: str) -> None:
        """Deactivate a rule by its name. Raises LookupError if no active rule has it."""
        remaining = [each for each in self._active if str(each.number) != name]
        if len(remaining) == len(self._active):
            known = ", ".join(str(each.number) for each in self._active) or "none"
            raise LookupError(f"there is no spell of weather {name!r}; there are: {known}")
        self._active = remaining

    def clear(self) -> None:
        """Deactivate all rules."""
        self._active = []

    def rules(self) -> list[tuple[str, FaultRule]]:
        """Return the active rules with their names."""
        return [(str(each.number), each.rule) for each in self._active]

    def replace(self, rules: Iterable[tuple[str, FaultRule]]) -> None:
        """Replace all rules by those of another process, under the names that they have there."""
        self._active = [_Active(int(name), rule) for name, rule in rules]
        self._begun = max((each.number for each in self._active), default=0)

    # -- draws ------------------------------------------------------------------------------

    def callback(self, kind: str, sid: str, url: str, track: str = "") -> CallbackFault:
        """Draw the faults of a callback, which may be about a track of a call.

        Each call is a draw: once for each callback.
        """
        fault = CallbackFault()

        def suits(rule: FaultRule) -> bool:
            return _affects_callbacks(rule) or bool(track and rule.webhook_reorder_tracks)

        for label, rule in self._matching("callback", (sid,), url, suits, kind):
            if rule.webhook_delay_ns is not None:
                fault.delay_ns += self._drawn(label, *rule.webhook_delay_ns)
            fault.copies = max(fault.copies, rule.webhook_duplicate)
            fault.status = fault.status or rule.webhook_status
            fault.dropped |= rule.webhook_drop
            fault.overtaken |= rule.webhook_reorder
            fault.overtaken_by_track |= rule.webhook_reorder_tracks
        if fault.dropped:
            fault.injected = ["dropped"]
            return fault
        if fault.delay_ns:
            fault.injected.append(f"delayed by {fault.delay_ns / 1e9:g} s")
        if fault.status is not None:
            fault.injected.append(f"the first answer replaced by {fault.status}, and sent again")
        return fault

    def comes_early(self, kind: str, sid: str, url: str) -> bool:
        """Draw whether a callback that a POST causes is sent before the response to the POST."""
        return bool(
            list(self._matching("early", (sid,), url, lambda rule: rule.webhook_early, kind))
        )

    def signature(self, kind: str, sid: str, url: str) -> tuple[str, ...]:
        """Draw the oddities of the signature of a request to the app: once for each delivery."""
        hits = self._matching(
            "signature", (sid,), url, lambda rule: bool(rule.webhook_signature), kind
        )
        return tuple(dict.fromkeys(name for _, rule in hits for name in rule.webhook_signature))

    @property
    def early(self) -> bool:
        """Whether any rule sends callbacks before the response to the POST that causes them."""
        return any(each.rule.webhook_early for each in self._active)

    def request(self, url: str) -> int | None:
        """Draw the status that a request to the API is refused with; None: it is not refused."""
        # A list, so that every rule in scope draws and counts, though the first alone applies.
        hits = list(self._matching("request", (), url, lambda rule: rule.api_status is not None))
        return hits[0][1].api_status if hits else None

    def download(self, sid: str, url: str, since_completed_ns: int) -> DownloadFault:
        """Draw the faults of a download; ``since_completed_ns`` is the age of the recording."""
        fault = DownloadFault()
        for _, rule in self._matching(
            "download", (sid,), url, lambda rule: _affects_media(rule, since_completed_ns)
        ):
            if since_completed_ns < rule.media_missing_ns:
                fault.missing = True
            fault.bytes_per_second = fault.bytes_per_second or rule.media_bytes_per_second
            fault.truncated = (
                fault.truncated if fault.truncated is not None else rule.media_truncated
            )
        if fault.missing:
            fault.injected = [f"not found, {since_completed_ns / 1e9:g} s after it was completed"]
            return fault
        if fault.bytes_per_second is not None:
            fault.injected.append(f"sent at {fault.bytes_per_second} bytes a second")
        if fault.truncated is not None:
            fault.injected.append(f"broken off after {fault.truncated:.0%}")
        return fault

    def recording(
        self, sids: Collection[str], url: str, numbers: Collection[str]
    ) -> tuple[FaultOrder, ...]:
        """Draw the faults of a completed recording. Each call is a draw: once for each recording.

        ``sids`` are its own and its call's or conference's; ``numbers`` are those of its call.
        """

        def breaks(rule: FaultRule) -> bool:
            return bool(rule.recorder_faults) and rule.number in (None, *numbers)

        hits = self._matching("recording", sids, url, breaks)
        return tuple(order for _, rule in hits for order in rule.recorder_faults)

    def _matching(
        self,
        group: Group,
        sids: Collection[str],
        url: str,
        suits: Callable[[FaultRule], bool],
        kind: str = "",
    ) -> Iterator[tuple[str, FaultRule]]:
        for each in self._active:
            rule = each.rule
            if not suits(rule) or not _in_scope(rule, sids, url, kind):
                continue
            if rule.times is not None and each.hits[group] >= rule.times:
                continue
            label = f"{each.number}/{group}/{each.seen[group]}"
            # Counted before the draw: every object in scope has a draw of its own, hit or not.
            each.seen[group] += 1
            if self._seeds.key(label) < rule.share * _WHOLE:
                each.hits[group] += 1
                yield label, rule

    def _drawn(self, label: str, low: int, high: int) -> int:
        return low + self._seeds.key(f"{label}/delay") % (high - low + 1)


def _in_scope(rule: FaultRule, sids: Collection[str], url: str, kind: str) -> bool:
    return (
        (not kind or not rule.kinds or kind in rule.kinds)
        and (rule.sid is None or rule.sid in sids)
        and (rule.url is None or rule.url in url)
    )


def _affects_callbacks(rule: FaultRule) -> bool:
    return (
        rule.webhook_delay_ns is not None
        or rule.webhook_duplicate > 1
        or rule.webhook_reorder
        or rule.webhook_drop
        or rule.webhook_status is not None
    )


def _affects_media(rule: FaultRule, since_completed_ns: int) -> bool:
    return (
        since_completed_ns < rule.media_missing_ns
        or rule.media_bytes_per_second is not None
        or rule.media_truncated is not None
    )
