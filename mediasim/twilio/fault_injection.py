"""The weather there is now: spells that have begun and not ended, and whom they strike.

What networks and servers do to callbacks, requests and media on their worse days, by a seed, and
said in the delivery log. Several spells add up. Every draw is a stream of the seed, labelled with
the spell's number and how many callbacks, requests, downloads or recordings it has met; so the
same test meets the same weather. All of it is used on the engine's loop, but for
:attr:`Weather.calm`.
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


@dataclass(slots=True)
class CallbackFault:
    """What becomes of one callback."""

    injected: list[str] = field(default_factory=list)
    """The same in words, for the log."""
    delay_ns: int = 0
    copies: int = 1
    status: int | None = None
    dropped: bool = False
    overtaken: bool = False


@dataclass(slots=True)
class DownloadFault:
    """What becomes of one download of a recording's media."""

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
    """Fair until a spell begins."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds
        self._begun = 0
        self._active: list[_Active] = []

    @property
    def calm(self) -> bool:
        """Whether nothing goes wrong. May be asked from any thread."""
        return not self._active

    def begin(self, spell: FaultRule) -> str:
        """From now on this too; returns what to end it by."""
        self._begun += 1
        self._active.append(_Active(self._begun, spell))
        return str(self._begun)

    def end(self, name: str) -> None:
        """Raises LookupError if there is no such spell."""
        left = [each for each in self._active if str(each.number) != name]
        if len(left) == len(self._active):
            known = ", ".join(str(each.number) for each in self._active) or "none"
            raise LookupError(f"there is no spell of weather {name!r}; there are: {known}")
        self._active = left

    def clear(self) -> None:
        """End all spells."""
        self._active = []

    def spells(self) -> list[tuple[str, FaultRule]]:
        """Those under way, by name."""
        return [(str(each.number), each.spell) for each in self._active]

    def adopt(self, spells: Iterable[tuple[str, FaultRule]]) -> None:
        """Have these spells, by the names they have elsewhere, instead of its own."""
        self._active = [_Active(int(name), spell) for name, spell in spells]
        self._begun = max((each.number for each in self._active), default=0)

    # -- whom it strikes --------------------------------------------------------------------

    def callback(self, kind: str, sid: str, url: str) -> CallbackFault:
        """What becomes of a callback; to be asked once for each."""
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
        """Whether a callback that a POST causes is told before the POST is answered."""
        return bool(list(self._striking("early", (sid,), url, lambda it: it.webhook_early, kind)))

    @property
    def early(self) -> bool:
        """Whether any callback may come early."""
        return any(each.spell.webhook_early for each in self._active)

    def request(self, url: str) -> int | None:
        """The status that a request to the API is refused with; None: it is not."""
        struck = list(self._striking("request", (), url, lambda it: it.api_status is not None))
        return struck[0][1].api_status if struck else None

    def download(self, sid: str, url: str, since_completed_ns: int) -> DownloadFault:
        """What becomes of a download; ``since_completed_ns``: the age of the recording's media."""
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
        """How a recording is broken that is complete now; to be asked once for each.

        ``sids``: its own and those of what it is a recording of; ``numbers``: those of its call.
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
