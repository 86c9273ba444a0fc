"""Stored and downloaded layout of recordings: one rule table, with the profile as its argument.

Which channels a recording has in store, and which a download of it gives, are two questions. Both
are answered here and nowhere else, by tables read as data: exactly one row fits each case, and the
answer carries its row, with an id, a reason and a source. ``mediasim explain`` prints them.

A profile is Twilio's behaviour as of a date:

* ``2016-legacy``: calls stored as asked for, mono by default; conferences in one channel;
* ``2022-05`` (default): calls stored in two channels, conferences and the Record verb in one;
* ``2024-07``: conferences in two channels, for accounts that turned it on (taken as on);
* ``2025-09``: conferences in two channels always.

Each row names its source: Twilio's documentation and its changelog of 25 May 2022, 9 July 2024 and
15 September 2025, or "our choice" where Twilio says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

__all__ = [
    "DEFAULT_PROFILE",
    "DOWNLOAD_RULES",
    "STORAGE_RULES",
    "ChannelRole",
    "Channels",
    "DownloadDecision",
    "DownloadOutcome",
    "DownloadRule",
    "Kind",
    "Layout",
    "Profile",
    "StorageRule",
    "Track",
    "recording_layout",
    "resolve_download",
]

Kind = Literal["dial", "call", "conference", "record-verb"]
"""What is recorded: a two-party dial, one call without a child, a conference, the Record verb."""
Channels = Literal["mono", "dual"]
Track = Literal["both", "inbound", "outbound"]
Profile = Literal["2016-legacy", "2022-05", "2024-07", "2025-09"]
RoleName = Literal[
    "parent",
    "child",
    "inbound",
    "outbound",
    "mix",
    "conference-mix",
    "first-participant",
    "everyone-else",
]

DEFAULT_PROFILE: Final[Profile] = "2022-05"

_ANY_CHANNELS: Final[tuple[Channels, ...]] = get_args(Channels)
_ANY_TRACK: Final[tuple[Track, ...]] = get_args(Track)
_ANY_PROFILE: Final[tuple[Profile, ...]] = get_args(Profile)
_SINCE_2022: Final[tuple[Profile, ...]] = ("2022-05", "2024-07", "2025-09")

_CHANGELOG_2022 = "Twilio changelog, 25 May 2022"
_CHANGELOG_2024 = "Twilio changelog, 9 July 2024"
_CHANGELOG_2025 = "Twilio changelog, 15 September 2025"
_SINGLE_SIDE = "Twilio docs, How to record a single side of a call"
_CALLS_API = "Twilio docs, Calls resource, RecordingChannels"


@dataclass(frozen=True, slots=True)
class ChannelRole:
    """What one channel of a recording holds."""

    role: RoleName
    track: Track
    """The track of the recorded leg it is taken from, ``both`` where it is a mix."""
    words: str


_PARENT = ChannelRole("parent", "inbound", "the parent call: what the caller says")
_CHILD = ChannelRole(
    "child", "outbound", "the child call: what the caller is sent, the callee once bridged"
)
_INBOUND = ChannelRole("inbound", "inbound", "what the server receives from the recorded call")
_OUTBOUND = ChannelRole("outbound", "outbound", "what the server sends to the recorded call")
_MIX = ChannelRole("mix", "both", "both tracks of the recorded call, mixed")
_CONFERENCE_MIX = ChannelRole("conference-mix", "both", "all participants, mixed")
_FIRST = ChannelRole("first-participant", "inbound", "the participant who joined first")
_EVERYONE_ELSE = ChannelRole("everyone-else", "both", "everything else, mixed")


@dataclass(frozen=True, slots=True)
class StorageRule:
    """One row: in these cases these channels are stored, for this reason."""

    rule_id: str
    kinds: tuple[Kind, ...]
    stored: tuple[ChannelRole, ...]
    """What each stored channel holds, first channel first."""
    reason: str
    source: str
    plain_channels: int = 1
    """Channels of a download that does not say how many it wants."""
    channels: tuple[Channels, ...] = _ANY_CHANNELS
    tracks: tuple[Track, ...] = _ANY_TRACK
    profiles: tuple[Profile, ...] = _ANY_PROFILE

    def fits(self, kind: Kind, channels: Channels, track: Track, profile: Profile) -> bool:
        """Whether this is the row for what was asked for."""
        return (
            kind in self.kinds
            and channels in self.channels
            and track in self.tracks
            and profile in self.profiles
        )


_SINGLE_TRACK = (
    "One track was asked for: it is one channel, alone, whatever number of channels was asked for."
)

STORAGE_RULES: Final = (
    StorageRule(
        rule_id="inbound-track",
        kinds=("dial", "call"),
        tracks=("inbound",),
        stored=(_INBOUND,),
        reason=_SINGLE_TRACK,
        source=_SINGLE_SIDE,
    ),
    StorageRule(
        rule_id="outbound-track",
        kinds=("dial", "call"),
        tracks=("outbound",),
        stored=(_OUTBOUND,),
        reason=_SINGLE_TRACK,
        source=_SINGLE_SIDE,
    ),
    StorageRule(
        rule_id="dial-dual",
        kinds=("dial",),
        tracks=("both",),
        channels=("dual",),
        stored=(_PARENT, _CHILD),
        plain_channels=2,
        reason="Two channels were asked for: the first holds the parent call, the second the "
        "child call.",
        source=_CALLS_API,
    ),
    StorageRule(
        rule_id="dial-mono",
        kinds=("dial",),
        tracks=("both",),
        channels=("mono",),
        profiles=_SINCE_2022,
        stored=(_PARENT, _CHILD),
        reason="A two-party call is stored in two channels whatever was asked for, the parent call "
        "first; mono was asked for, so a plain download is mixed down to one.",
        source=_CHANGELOG_2022,
    ),
    StorageRule(
        rule_id="call-dual",
        kinds=("call",),
        tracks=("both",),
        channels=("dual",),
        stored=(_INBOUND, _OUTBOUND),
        plain_channels=2,
        reason="Two channels were asked for and the call has no child: the first holds its "
        "inbound track, the second its outbound track.",
        source=f"{_CALLS_API}; which track comes first is our choice",
    ),
    StorageRule(
        rule_id="call-mono",
        kinds=("call",),
        tracks=("both",),
        channels=("mono",),
        profiles=_SINCE_2022,
        stored=(_INBOUND, _OUTBOUND),
        reason="A call is stored in two channels whatever was asked for, its inbound track first; "
        "mono was asked for, so a plain download is mixed down to one.",
        source=f"{_CHANGELOG_2022}; which track comes first is our choice",
    ),
    StorageRule(
        rule_id="legacy-mono",
        kinds=("dial", "call"),
        tracks=("both",),
        channels=("mono",),
        profiles=("2016-legacy",),
        stored=(_MIX,),
        reason="Mono was asked for, and before May 2022 a recording was stored as asked for: both "
        "tracks mixed in one channel.",
        source=_CHANGELOG_2022,
    ),
    StorageRule(
        rule_id="conference-mixed",
        kinds=("conference",),
        profiles=("2016-legacy", "2022-05"),
        stored=(_CONFERENCE_MIX,),
        reason="A conference is recorded in one mixed channel, whatever channels or track were "
        "asked for.",
        source=_CHANGELOG_2022,
    ),
    StorageRule(
        rule_id="conference-dual-enabled",
        kinds=("conference",),
        profiles=("2024-07",),
        stored=(_FIRST, _EVERYONE_ELSE),
        reason="Dual-channel conference recording is turned on: the first channel holds the "
        "participant who joined first, the second everyone else; a plain download stays mono.",
        source=f"{_CHANGELOG_2024}; that the account turned it on is our choice",
    ),
    StorageRule(
        rule_id="conference-dual",
        kinds=("conference",),
        profiles=("2025-09",),
        stored=(_FIRST, _EVERYONE_ELSE),
        reason="Conferences are stored in two channels: the first holds the participant who joined "
        "first, the second everyone else; a plain download stays mono.",
        source=_CHANGELOG_2025,
    ),
    StorageRule(
        rule_id="record-verb-mixed",
        kinds=("record-verb",),
        stored=(_MIX,),
        reason="The Record verb records one mixed channel, whatever channels or track were asked "
        "for.",
        source=_CHANGELOG_2022,
    ),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The channels of one recording: what was asked for, and the row that decided."""

    kind: Kind
    asked_channels: Channels
    asked_track: Track
    profile: Profile
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
    kind: Kind, channels: Channels, track: Track = "both", profile: Profile = DEFAULT_PROFILE
) -> Layout:
    """The layout of a recording, by what was asked for.

    ``channels`` is what the recording's start asked for, its own default already applied (REST and
    Dial: mono, Start Recording: dual). Raises ValueError for a word that is not allowed, naming
    those that are.
    """
    for name, word, literal in (
        ("kind of recording", kind, Kind),
        ("number of channels", channels, Channels),
        ("track", track, Track),
        ("profile", profile, Profile),
    ):
        if word not in get_args(literal):
            raise ValueError(f"{word!r} is no {name}: {', '.join(get_args(literal))}")
    rule = next(row for row in STORAGE_RULES if row.fits(kind, channels, track, profile))
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
    source: str = _CHANGELOG_2022
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
