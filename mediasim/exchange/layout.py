"""Stored and downloaded layout of recordings: one rule table each, with the profile as argument.

Which channels a recording has in store, and which a download of it gives, are two questions. Both
are answered only here, by tables read as data: exactly one row fits each case, and the answer
carries its row, with an id, a reason and a source. ``mediasim explain`` prints them. The rules of
storage belong to a profile (:mod:`mediasim.exchange.profiles`), which also says with which status
two channels of one are refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from mediasim.exchange.profiles import (
    CHANGELOG_2022,
    DEFAULT_PROFILE,
    PROFILES,
    PROTECTED_CONFERENCE,
    ChannelRole,
    Channels,
    Kind,
    StorageRule,
    Track,
)

__all__ = [
    "DOWNLOAD_RULES",
    "DownloadDecision",
    "DownloadOutcome",
    "DownloadRule",
    "Layout",
    "recording_layout",
    "resolve_download",
]


@dataclass(frozen=True, slots=True)
class Layout:
    """The channels of one recording: what was requested, and the rule that decided."""

    kind: Kind
    requested_channels: Channels
    requested_track: Track
    profile: str
    rule: StorageRule
    protected: bool = False
    """Whether the account's recordings are encrypted, or stored elsewhere."""

    @property
    def channels(self) -> tuple[ChannelRole, ...]:
        """The role of each stored channel, first channel first."""
        return self.rule.stored

    @property
    def stored_channels(self) -> int:
        """Number of channels in the stored file."""
        return len(self.rule.stored)

    @property
    def plain_channels(self) -> int:
        """Number of channels in a download without RequestedChannels."""
        return self.rule.plain_channels

    def request(self) -> dict[str, Any]:
        """Return the arguments of :func:`recording_layout` that give this layout."""
        return {
            "kind": self.kind,
            "channels": self.requested_channels,
            "track": self.requested_track,
            "profile": self.profile,
            **({"protected": True} if self.protected else {}),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the layout as it stands in a recording's JSON document."""
        return {
            "asked": self.request(),
            "stored_channels": self.stored_channels,
            "plain_download_channels": self.plain_channels,
            "rule": self.rule.rule_id,
            "reason": self.rule.reason,
            "source": self.rule.source,
        }


def recording_layout(
    kind: Kind,
    channels: Channels,
    track: Track = "both",
    profile: str = DEFAULT_PROFILE,
    protected: bool = False,
) -> Layout:
    """Return the layout of a recording that was requested with these arguments.

    ``channels`` has the default of the recording's start applied (REST and Dial: mono, Start
    Recording: dual); ``protected`` is whether the account's recordings are encrypted, or stored
    elsewhere. Raises ValueError, which names the allowed words, for any other word.
    """
    known: Iterable[str]
    for name, word, known in (
        ("kind of recording", kind, get_args(Kind)),
        ("number of channels", channels, get_args(Channels)),
        ("track", track, get_args(Track)),
        ("profile", profile, PROFILES),
    ):
        if word not in known:
            raise ValueError(f"{word!r} is no {name}: {', '.join(known)}")
    rule = next(row for row in PROFILES[profile].rules if row.fits(kind, channels, track))
    if protected and len(rule.stored) > 1 and PROTECTED_CONFERENCE.fits(kind, channels, track):
        rule = PROTECTED_CONFERENCE
    return Layout(kind, channels, track, profile, rule, protected)


DownloadOutcome = Literal["file", "no-media", "not-found", "too-few-channels", "invalid-channels"]
"""The outcome of a download: a file, or why there is none."""
Requested = Literal["nothing", "one", "two", "something else"]
_Given = int | str | None
_REQUESTED: Final[dict[_Given, Requested]] = {
    None: "nothing",
    1: "one",
    "1": "one",
    2: "two",
    "2": "two",
}


@dataclass(frozen=True, slots=True)
class DownloadRule:
    """A row: the outcome of a download, by the numbers of channels requested and stored."""

    rule_id: str
    requested: Requested
    stored: tuple[int, ...]
    reason: str
    source: str = CHANGELOG_2022
    outcome: DownloadOutcome = "file"
    status: int | None = None
    """The status that a profile must answer with for the row to count; None for every profile."""


DOWNLOAD_RULES: Final = (
    DownloadRule(
        rule_id="plain-download",
        requested="nothing",
        stored=(1, 2),
        reason="RequestedChannels was not given: as many channels as the recording's own rule says "
        "for a plain download.",
    ),
    DownloadRule(
        rule_id="one-of-one",
        requested="one",
        stored=(1,),
        reason="One channel was asked for and one is stored.",
    ),
    DownloadRule(
        rule_id="one-of-two",
        requested="one",
        stored=(2,),
        reason="One channel was asked for and two are stored: they are mixed down.",
    ),
    DownloadRule(
        rule_id="two-of-two",
        requested="two",
        stored=(2,),
        reason="Two channels were asked for and two are stored.",
    ),
    DownloadRule(
        rule_id="two-of-one",
        requested="two",
        stored=(1,),
        outcome="not-found",
        status=404,
        reason="Two channels were asked for and one is stored: a mono recording cannot be "
        "downloaded as dual, so it is Not Found.",
        source="Twilio blog, 25 May 2022, and error 16113",
    ),
    DownloadRule(
        rule_id="two-of-one-refused",
        requested="two",
        stored=(1,),
        outcome="too-few-channels",
        status=400,
        reason="Two channels were asked for and one is stored: a mono recording cannot be "
        "downloaded as dual, so it is a Bad Request.",
        source="Twilio docs, Recordings resource, and error 16113",
    ),
    DownloadRule(
        rule_id="bad-number",
        requested="something else",
        stored=(1, 2),
        outcome="invalid-channels",
        reason="RequestedChannels is neither 1 nor 2.",
        source="our choice",
    ),
)


@dataclass(frozen=True, slots=True)
class DownloadDecision:
    """The answer to a download, with the rule that decided."""

    rule: DownloadRule
    channels: int | None
    """Number of channels of the file; None if there is no file."""


def resolve_download(layout: Layout, requested_channels: int | str | None) -> DownloadDecision:
    """Return the answer to a download with this RequestedChannels, None if it is absent."""
    refused = PROFILES[layout.profile].dual_of_mono
    requested = _REQUESTED.get(requested_channels, "something else")
    rule = next(
        row
        for row in DOWNLOAD_RULES
        if row.requested == requested
        and layout.stored_channels in row.stored
        and row.status in (None, refused)
    )
    given = {"nothing": layout.plain_channels, "one": 1, "two": 2}
    return DownloadDecision(rule, given[requested] if rule.outcome == "file" else None)
