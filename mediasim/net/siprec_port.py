"""The port through which tracks of a call are forked to a recording server (SIPREC).

The session recording client (SRC) behind it invites the session recording server (SRS) of a
connector and sends it the tracks as RTP (RFC 7866).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SIMULATED",
    "SiprecAsked",
    "SiprecConnector",
    "SiprecParticipant",
    "SiprecPort",
    "SiprecRefused",
    "SiprecSession",
]

SIMULATED = "simulated"
"""In place of a server's address: one inside the sandbox, on any clock."""


@dataclass(frozen=True, slots=True)
class SiprecConnector:
    """Where recording sessions go, and what they show there."""

    server: str
    """SIP URI of the session recording server, or `SIMULATED`."""
    header: str = ""
    """Name of the SIP header with the credentials; "" for none."""
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class SiprecParticipant:
    """A participant of the recorded session, whose voice is one track."""

    address: str
    """Number, ``client:`` name or ``sip:`` address."""
    track: str
    """The track that it is heard on: ``inbound`` or ``outbound``."""


@dataclass(frozen=True, slots=True)
class SiprecAsked:
    """A recording session to be opened."""

    sid: str
    call_sid: str
    account_sid: str
    tracks: Sequence[str]
    """The tracks to be sent: ``inbound``, ``outbound`` or both."""
    participants: Sequence[SiprecParticipant]
    began_unix_ns: int
    """When the recorded session began, in nanoseconds since 1970."""
    unix_ns: Callable[[int], int]
    """Returns the date (nanoseconds since 1970) of a loop time in nanoseconds."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The app's own parameters, for the metadata."""


class SiprecRefused(Exception):
    """Raised if a recording session could not be opened; the message says why."""


class SiprecSession(Protocol):
    """An open recording session. Used on the engine's loop."""

    @property
    def notes(self) -> Sequence[str]:
        """What of the connector's address is not acted on, in words."""

    def send(self, track: str, first_frame: int, pcm: NDArray[np.int16]) -> None:
        """Send the next frames of a track, (samples,); ignored for one that is not recorded."""

    async def close(self) -> None:
        """End the session and release its ports, once the server has answered or is given up."""


class SiprecPort(Protocol):
    """Opens recording sessions. Awaited on the engine's loop."""

    async def open(
        self, connector: SiprecConnector, asked: SiprecAsked, ended: Callable[[str], None]
    ) -> SiprecSession:
        """Open a session; ``ended`` is called with the reason if the server ends it.

        Raises SiprecRefused.
        """
