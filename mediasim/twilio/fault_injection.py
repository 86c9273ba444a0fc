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

Group = Literal["callback", "early", "request", "download", "recording"]
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
    webhook_drop: bool = False
    """Whether callbacks are not sent at all."""
    webhook_status: int | None = None
    """Status that replaces the app's first response, so that the callback is sent again."""
    webhook_early: bool = False
    """Whether callbacks that a POST to the API causes are sent before the response to the POST."""
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
    spell: FaultRule
    met: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)


class FaultInjection:
    """The active rules, none at first."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._begun = 0
        self._active: list[_Active] = []

    @property
    def calm(self) -> bool:
        """Whether no rule is active. May be read from any thread."""
        return not self._active

    def begin(self, spell: FaultRule) -> str:
        """Activate a rule and return its name."""
        self._begun += 1
        self._active.append(_Active(self._begun, spell))
        return str(self._begun)

    def end(self, name: str) -> None:
        """Deactivate a rule by its name. Raises LookupError if no active rule has it."""
        left = [each for each in self._active if str(each.number) != name]
        if len(left) == len(self._active):
            known = ", ".join(str(each.number) for each in self._active) or "none"
            raise LookupError(f"there is no spell of weather {name!r}; there are: {known}")
        self._active = left

    def clear(self) -> None:
        """Deactivate all rules."""
        self._active = []

    def spells(self) -> list[tuple[str, FaultRule]]:
        """Return the active rules with their names."""
        return [(str(each.number), each.spell) for each in self._active]

    def adopt(self, spells: Iterable[tuple[str, FaultRule]]) -> None:
        """Replace all rules by those of another process, under the names that they have there."""
        self._active = [_Active(int(name), spell) for name, spell in spells]
        self._begun = max((each.number for each in self._active), default=0)

    # -- draws ------------------------------------------------------------------------------

    def callback(self, kind: str, sid: str, url: str) -> CallbackFault:
        """Draw the faults of a callback. Each call is a draw: once for each callback."""
        fate = CallbackFault()
        for label, spell in self._striking("callback", (sid,), url, _touches_callbacks, kind):
            if spell.webhook_delay_ns is not None:
                fate.delay_ns += self._drawn(label, *spell.webhook_delay_ns)
            fate.copies = max(fate.copies, spell.webhook_duplicate)
            fate.status = fate.status or spell.webhook_status
            fate.dropped |= spell.webhook_drop
            fate.overtaken |= spell.webhook_reorder
        if fate.dropped:
            fate.injected = ["dropped"]
            return fate
        if fate.delay_ns:
            fate.injected.append(f"delayed by {fate.delay_ns / 1e9:g} s")
        if fate.status is not None:
            fate.injected.append(f"the first answer replaced by {fate.status}, and sent again")
        return fate

    def comes_early(self, kind: str, sid: str, url: str) -> bool:
        """Draw whether a callback that a POST causes is sent before the response to the POST."""
        return bool(list(self._striking("early", (sid,), url, lambda it: it.webhook_early, kind)))

    @property
    def early(self) -> bool:
        """Whether any rule sends callbacks before the response to the POST that causes them."""
        return any(each.spell.webhook_early for each in self._active)

    def request(self, url: str) -> int | None:
        """Draw the status that a request to the API is refused with; None: it is not refused."""
        struck = list(self._striking("request", (), url, lambda it: it.api_status is not None))
        return struck[0][1].api_status if struck else None

    def download(self, sid: str, url: str, since_completed_ns: int) -> DownloadFault:
        """Draw the faults of a download; ``since_completed_ns`` is the age of the recording."""
        fate = DownloadFault()
        for _, spell in self._striking(
            "download", (sid,), url, lambda spell: _touches_media(spell, since_completed_ns)
        ):
            if since_completed_ns < spell.media_missing_ns:
                fate.missing = True
            fate.bytes_per_second = fate.bytes_per_second or spell.media_bytes_per_second
            fate.truncated = fate.truncated if fate.truncated is not None else spell.media_truncated
        if fate.missing:
            fate.injected = [f"not found, {since_completed_ns / 1e9:g} s after it was completed"]
            return fate
        if fate.bytes_per_second is not None:
            fate.injected.append(f"sent at {fate.bytes_per_second} bytes a second")
        if fate.truncated is not None:
            fate.injected.append(f"broken off after {fate.truncated:.0%}")
        return fate

    def recording(
        self, sids: Collection[str], url: str, numbers: Collection[str]
    ) -> tuple[FaultOrder, ...]:
        """Draw the faults of a completed recording. Each call is a draw: once for each recording.

        ``sids`` are its own and its call's or conference's; ``numbers`` are those of its call.
        """

        def breaks(spell: FaultRule) -> bool:
            return bool(spell.recorder_faults) and spell.number in (None, *numbers)

        struck = self._striking("recording", sids, url, breaks)
        return tuple(order for _, spell in struck for order in spell.recorder_faults)

    def _striking(
        self,
        group: Group,
        sids: Collection[str],
        url: str,
        suits: Callable[[FaultRule], bool],
        kind: str = "",
    ) -> Iterator[tuple[str, FaultRule]]:
        for each in self._active:
            spell = each.spell
            if not suits(spell) or not _in_scope(spell, sids, url, kind):
                continue
            if spell.times is not None and each.struck[group] >= spell.times:
                continue
            label = f"{each.number}/{group}/{each.met[group]}"
            each.met[group] += 1
            if self._seeds.key(label) < spell.share * _WHOLE:
                each.struck[group] += 1
                yield label, spell

    def _drawn(self, label: str, low: int, high: int) -> int:
        return low + self._seeds.key(f"{label}/delay") % (high - low + 1)


def _in_scope(spell: FaultRule, sids: Collection[str], url: str, kind: str) -> bool:
    return (
        (not kind or not spell.kinds or kind in spell.kinds)
        and (spell.sid is None or spell.sid in sids)
        and (spell.url is None or spell.url in url)
    )


def _touches_callbacks(spell: FaultRule) -> bool:
    return (
        spell.webhook_delay_ns is not None
        or spell.webhook_duplicate > 1
        or spell.webhook_reorder
        or spell.webhook_drop
        or spell.webhook_status is not None
    )


def _touches_media(spell: FaultRule, since_completed_ns: int) -> bool:
    return (
        since_completed_ns < spell.media_missing_ns
        or spell.media_bytes_per_second is not None
        or spell.media_truncated is not None
    )
