"""Stored and downloaded layout of recordings: one rule table each, with the profile as argument.

Which channels a recording has in store, and which a download of it gives, are two questions. Both
are answered here and nowhere else, by tables read as data: exactly one row fits each case, and the
answer carries its row, with an id, a reason and a source. ``mediasim explain`` prints them. What is
stored is a profile's (:mod:`mediasim.exchange.profiles`); downloads are the same in every one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from mediasim.exchange.profiles import (
    CHANGELOG_2022,
    DEFAULT_PROFILE,
    PROFILES,
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
    """The channels of one recording: what was asked for, and the row that decided."""

    kind: Kind
    asked_channels: Channels
    asked_track: Track
    profile: str
    rule: StorageRule

    @property
    def channels(self) -> tuple[ChannelRole, ...]:
        """What each stored channel holds, first channel first."""
        return self.rule.stored

    @property
    def stored_channels(self) -> int:
        """Number of channels in the stored file."""
        return len(self.rule.stored)

    @property
    def plain_channels(self) -> int:
        """Number of channels in a download that does not say how many it wants."""
        return self.rule.plain_channels

    def asked(self) -> dict[str, Any]:
        """What it was decided from: ``recording_layout(**layout.asked())`` is equal to it."""
        return {
            "kind": self.kind,
            "channels": self.asked_channels,
            "track": self.asked_track,
            "profile": self.profile,
        }

    def to_json(self) -> dict[str, Any]:
        """The layout as it is written beside a recording."""
        return {
            "asked": self.asked(),
            "stored_channels": self.stored_channels,
            "plain_download_channels": self.plain_channels,
            "rule": self.rule.rule_id,
            "reason": self.rule.reason,
            "source": self.rule.source,
        }


def recording_layout(
    kind: Kind, channels: Channels, track: Track = "both", profile: str = DEFAULT_PROFILE
) -> Layout:
    """The layout of a recording, by what was asked for.

    ``channels`` is what the recording's start asked for, its own default already applied (REST and
    Dial: mono, Start Recording: dual). Raises ValueError for a word that is not allowed, naming
    those that are.
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
    return Layout(kind, channels, track, profile, rule)


DownloadOutcome = Literal["file", "no-media", "too-few-channels", "invalid-channels"]
"""What comes of a download: a file, or why there is none."""
Asked = Literal["nothing", "one", "two", "something else"]
_Given = int | str | None
_ASKED: Final[dict[_Given, Asked]] = {None: "nothing", 1: "one", "1": "one", 2: "two", "2": "two"}


@dataclass(frozen=True, slots=True)
class DownloadRule:
    """One row: so many channels asked for, so many stored, give this answer."""

    rule_id: str
    asked: Asked
    stored: tuple[int, ...]
    reason: str
    source: str = CHANGELOG_2022
    outcome: DownloadOutcome = "file"


DOWNLOAD_RULES: Final = (
    DownloadRule(
        rule_id="plain-download",
        asked="nothing",
        stored=(1, 2),
        reason="RequestedChannels was not given: as many channels as the recording's own rule says "
        "for a plain download.",
    ),
    DownloadRule(
        rule_id="one-of-one",
        asked="one",
        stored=(1,),
        reason="One channel was asked for and one is stored.",
    ),
    DownloadRule(
        rule_id="one-of-two",
        asked="one",
        stored=(2,),
        reason="One channel was asked for and two are stored: they are mixed down.",
    ),
    DownloadRule(
        rule_id="two-of-two",
        asked="two",
        stored=(2,),
        reason="Two channels were asked for and two are stored.",
    ),
    DownloadRule(
        rule_id="two-of-one",
        asked="two",
        stored=(1,),
        outcome="too-few-channels",
        reason="Two channels were asked for and one is stored: a mono recording cannot be "
        "downloaded as dual, so it is Not Found.",
        source="Twilio blog, 25 May 2022, and error 16113",
    ),
    DownloadRule(
        rule_id="bad-number",
        asked="something else",
        stored=(1, 2),
        outcome="invalid-channels",
        reason="RequestedChannels is neither 1 nor 2.",
        source="our choice",
    ),
)


@dataclass(frozen=True, slots=True)
class DownloadDecision:
    """The answer to a download: the row that decided, and the channels of the file given."""

    rule: DownloadRule
    channels: int | None
    """None where no file is given."""


def resolve_download(layout: Layout, requested_channels: int | str | None) -> DownloadDecision:
    """The answer to a download with ``RequestedChannels`` as given, None where it was absent.

    The same in every profile: today's API serves the recordings of old date too (our choice).
    """
    asked = _ASKED.get(requested_channels, "something else")
    rule = next(
        row for row in DOWNLOAD_RULES if row.asked == asked and layout.stored_channels in row.stored
    )
    given = {"nothing": layout.plain_channels, "one": 1, "two": 2}
    return DownloadDecision(rule, given[asked] if rule.outcome == "file" else None)
