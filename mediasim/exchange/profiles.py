"""Twilio's behaviour as of a date: the profiles, a row each, with the rules of each.

A profile is this one row: ``--profile``, ``profile:`` in scenarios and configs, the fuzzers' draws
and ``mediasim explain`` read it here, and a test compares the documentation's table with it. A
profile decides which channels a recording has in store (:mod:`mediasim.exchange.layout`), and the
rules that have changed besides.

Each rule names its source: Twilio's documentation of today and its changelog of 25 May 2022,
9 July 2024 and 15 September 2025, or "our choice" where Twilio says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = [
    "CHANGELOG_2022",
    "DEFAULT_PROFILE",
    "PROFILES",
    "PROTECTED_CONFERENCE",
    "ChannelRole",
    "Channels",
    "Kind",
    "Profile",
    "RoleName",
    "StorageRule",
    "Track",
    "profile_added",
]

Kind = Literal["dial", "call", "conference", "record-verb"]
"""A recording of a two-party Dial, of a call without a child, of a conference, of a Record verb."""
Channels = Literal["mono", "dual"]
Track = Literal["both", "inbound", "outbound"]
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

_ANY_CHANNELS: Final[tuple[Channels, ...]] = get_args(Channels)
_ANY_TRACK: Final[tuple[Track, ...]] = get_args(Track)

CHANGELOG_2022 = "Twilio changelog, 25 May 2022"
_CHANGELOG_2024 = "Twilio changelog, 9 July 2024"
_CHANGELOG_2025 = "Twilio changelog, 15 September 2025"
_SINGLE_SIDE = "Twilio docs, How to record a single side of a call"
_CALLS_API = "Twilio docs, Calls resource, RecordingChannels"


@dataclass(frozen=True, slots=True)
class ChannelRole:
    """The role of one channel of a recording."""

    role: RoleName
    track: Track
    """The track of the recorded leg that it is taken from, ``both`` for a mix."""
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
    """A row: the channels that are stored in these cases, with the reason and its source."""

    rule_id: str
    kinds: tuple[Kind, ...]
    stored: tuple[ChannelRole, ...]
    """The role of each stored channel, first channel first."""
    reason: str
    source: str
    plain_channels: int = 1
    """Number of channels in a download without RequestedChannels."""
    channels: tuple[Channels, ...] = _ANY_CHANNELS
    tracks: tuple[Track, ...] = _ANY_TRACK

    def fits(self, kind: Kind, channels: Channels, track: Track) -> bool:
        """Return whether this is the row for a recording requested with these arguments."""
        return kind in self.kinds and channels in self.channels and track in self.tracks


_SINGLE_TRACK = (
    "One track was asked for: it is one channel, alone, whatever number of channels was asked for."
)

_INBOUND_TRACK = StorageRule(
    rule_id="inbound-track",
    kinds=("dial", "call"),
    tracks=("inbound",),
    stored=(_INBOUND,),
    reason=_SINGLE_TRACK,
    source=_SINGLE_SIDE,
)
_OUTBOUND_TRACK = StorageRule(
    rule_id="outbound-track",
    kinds=("dial", "call"),
    tracks=("outbound",),
    stored=(_OUTBOUND,),
    reason=_SINGLE_TRACK,
    source=_SINGLE_SIDE,
)
_DIAL_DUAL = StorageRule(
    rule_id="dial-dual",
    kinds=("dial",),
    tracks=("both",),
    channels=("dual",),
    stored=(_PARENT, _CHILD),
    plain_channels=2,
    reason="Two channels were asked for: the first holds the parent call, the second the "
    "child call.",
    source=_CALLS_API,
)
_CALL_DUAL = StorageRule(
    rule_id="call-dual",
    kinds=("call",),
    tracks=("both",),
    channels=("dual",),
    stored=(_INBOUND, _OUTBOUND),
    plain_channels=2,
    reason="Two channels were asked for and the call has no child: the first holds its "
    "inbound track, the second its outbound track.",
    source=f"{_CALLS_API}; which track comes first is our choice",
)
_RECORD_VERB_MIXED = StorageRule(
    rule_id="record-verb-mixed",
    kinds=("record-verb",),
    stored=(_MIX,),
    reason="The Record verb records one mixed channel, whatever channels or track were asked for.",
    source=CHANGELOG_2022,
)
_DIAL_MONO = StorageRule(
    rule_id="dial-mono",
    kinds=("dial",),
    tracks=("both",),
    channels=("mono",),
    stored=(_PARENT, _CHILD),
    reason="A two-party call is stored in two channels whatever was asked for, the parent call "
    "first; mono was asked for, so a plain download is mixed down to one.",
    source=CHANGELOG_2022,
)
_CALL_MONO = StorageRule(
    rule_id="call-mono",
    kinds=("call",),
    tracks=("both",),
    channels=("mono",),
    stored=(_INBOUND, _OUTBOUND),
    reason="A call is stored in two channels whatever was asked for, its inbound track first; "
    "mono was asked for, so a plain download is mixed down to one.",
    source=f"{CHANGELOG_2022}; which track comes first is our choice",
)
_LEGACY_MONO = StorageRule(
    rule_id="legacy-mono",
    kinds=("dial", "call"),
    tracks=("both",),
    channels=("mono",),
    stored=(_MIX,),
    reason="Mono was asked for, and before May 2022 a recording was stored as asked for: both "
    "tracks mixed in one channel.",
    source=CHANGELOG_2022,
)
_CONFERENCE_MIXED = StorageRule(
    rule_id="conference-mixed",
    kinds=("conference",),
    stored=(_CONFERENCE_MIX,),
    reason="A conference is recorded in one mixed channel, whatever channels or track were "
    "asked for.",
    source=CHANGELOG_2022,
)
_CONFERENCE_DUAL_ENABLED = StorageRule(
    rule_id="conference-dual-enabled",
    kinds=("conference",),
    stored=(_FIRST, _EVERYONE_ELSE),
    reason="Dual-channel conference recording is turned on: the first channel holds the "
    "participant who joined first, the second everyone else; a plain download stays mono.",
    source=f"{_CHANGELOG_2024}; that the account turned it on is our choice",
)
_CONFERENCE_DUAL = StorageRule(
    rule_id="conference-dual",
    kinds=("conference",),
    stored=(_FIRST, _EVERYONE_ELSE),
    reason="Conferences are stored in two channels: the first holds the participant who joined "
    "first, the second everyone else; a plain download stays mono.",
    source=_CHANGELOG_2025,
)
PROTECTED_CONFERENCE: Final = StorageRule(
    rule_id="conference-protected",
    kinds=("conference",),
    stored=(_CONFERENCE_MIX,),
    reason="The account has its recordings encrypted, or stored elsewhere: its conferences are "
    "recorded in one mixed channel.",
    source=_CHANGELOG_2025,
)
"""The rule of conferences that comes before a profile's of two channels, for accounts whose
recordings are encrypted, or stored elsewhere."""
_OF_ANY_DATE: Final = (
    _INBOUND_TRACK,
    _OUTBOUND_TRACK,
    _DIAL_DUAL,
    _CALL_DUAL,
    _RECORD_VERB_MIXED,
)
_OF_CALLS_SINCE_2022: Final = (*_OF_ANY_DATE, _DIAL_MONO, _CALL_MONO)


@dataclass(frozen=True, slots=True)
class Profile:
    """Twilio's behaviour as of a date."""

    name: str
    """The profile's name: the date as of which Twilio behaves so."""
    words: str
    """The behaviour in a line."""
    rules: tuple[StorageRule, ...]
    """The rules, of which exactly one fits each case."""
    dual_of_mono: Literal[400, 404] = 404
    """HTTP status of a download with RequestedChannels=2 where one channel is stored."""
    keeps_silence: bool = False
    """Whether a recording of nothing but silence is kept, and a Record verb's action requested for
    it, if the account does not say otherwise."""
    media_auth: bool = True
    """Whether a download of media needs credentials, if the account does not say otherwise."""
    callback_transcribes: bool = True
    """Whether a Record verb with ``transcribeCallback`` alone is transcribed."""


PROFILES: Final[dict[str, Profile]] = {
    each.name: each
    for each in (
        Profile(
            "2016-legacy",
            "calls stored as asked for, mono by default; conferences in one channel",
            (*_OF_ANY_DATE, _LEGACY_MONO, _CONFERENCE_MIXED),
            media_auth=False,
        ),
        Profile(
            "2022-05",
            "calls stored in two channels, conferences and the Record verb in one",
            (*_OF_CALLS_SINCE_2022, _CONFERENCE_MIXED),
        ),
        Profile(
            "2024-07",
            "conferences in two channels, for accounts that turned it on (taken as on)",
            (*_OF_CALLS_SINCE_2022, _CONFERENCE_DUAL_ENABLED),
        ),
        Profile(
            "2025-09",
            "conferences in two channels always; silent recordings kept; two channels asked of one "
            "is a bad request",
            (*_OF_CALLS_SINCE_2022, _CONFERENCE_DUAL),
            # Twilio docs, Recordings resource and TwiML Voice: Record, as they are in 2026.
            dual_of_mono=400,
            keeps_silence=True,
            callback_transcribes=False,
        ),
    )
}
"""The profiles by name."""
DEFAULT_PROFILE: Final = "2025-09"


@contextmanager
def profile_added(profile: Profile) -> Iterator[None]:
    """Add a profile to this process within the block.

    Raises ValueError if there is one with its name.
    """
    if profile.name in PROFILES:
        raise ValueError(f"there is a profile {profile.name!r}")
    PROFILES[profile.name] = profile
    try:
        yield
    finally:
        del PROFILES[profile.name]
