"""A captured call: the capture's RTP as talks, what its SIP says, and which two talks it is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mediasim.captures.pcap import CaptureError, Datagram, datagram_in, read_capture
from mediasim.captures.rtp_streams import CapturedDirection, directions_of, find_streams, pairs_of
from mediasim.net.sdp import SdpError, SessionDescription, parse_sdp

__all__ = [
    "Captured",
    "ChosenCall",
    "ImportRefused",
    "Signalled",
    "UnclearChoice",
    "choose",
    "read_captured",
    "shown",
    "signalled_in",
]

_LATEST_NS: Final = 9_000_000_000 * 1_000_000_000
"""In the year 2255: not long after it, nanoseconds no longer fit in 64 bits."""
_INVITE: Final = b"INVITE "
_ANSWER: Final = b"SIP/2.0 "
_BEGUN: Final = re.compile(rb"^(?:to|t)\s*:[^\r\n]*;\s*tag=", re.IGNORECASE | re.MULTILINE)
_BRANCH: Final = re.compile(
    rb"^(?:via|v)\s*:[^\r\n]*;\s*branch=([^;,\s]+)", re.IGNORECASE | re.MULTILINE
)
_OF_INVITE: Final = re.compile(rb"^cseq\s*:\s*\d+\s+INVITE\b", re.IGNORECASE | re.MULTILINE)
Address = tuple[str, int]


class ImportRefused(Exception):
    """The capture, or the choice made of it, cannot be imported: says why, and what would help."""


# -- the capture --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Captured:
    """What a file holds."""

    path: Path
    seed: int
    """Decided by its bytes."""
    datagrams: tuple[Datagram, ...]
    talks: tuple[CapturedDirection, ...]
    truncated: bool


def read_captured(path: Path, *, partial: bool = False) -> Captured:
    """Read a capture; with ``partial`` also one that ends in the middle of a frame.

    Raises ImportRefused for a file that is no capture, is not whole or holds no RTP.
    """
    try:
        data = path.read_bytes()
        capture = read_capture(data)
    except OSError as error:
        raise ImportRefused(f"cannot read {path}: {error.strerror}") from None
    except CaptureError as error:
        raise ImportRefused(f"{path}: {error}") from None
    if capture.truncated and not partial:
        raise ImportRefused(
            f"{path} ends in the middle of a frame, after {len(capture.frames)} whole ones: "
            "--partial takes those"
        )
    found = [each for each in map(datagram_in, capture.frames) if each is not None]
    if any(each.at_ns > _LATEST_NS or each.at_ns < 0 for each in found):
        raise ImportRefused(f"{path}: the times of its frames are no dates")
    found.sort(key=lambda each: each.at_ns)
    talks = directions_of(find_streams(found))
    if not talks:
        raise ImportRefused(
            f"{path}: no RTP streams among {len(capture.frames)} frames, {len(found)} of them UDP"
        )
    seed = int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 1
    return Captured(path, seed, tuple(found), tuple(talks), capture.truncated)


# -- what its SIP says --------------------------------------------------------------------------


@dataclass(slots=True)
class Signalled:
    """What session descriptions said."""

    callers: set[Address] = field(default_factory=set)
    callees: set[Address] = field(default_factory=set)
    types: dict[Address, dict[int, str]] = field(default_factory=dict)
    """Names of the payload types that are sent to an address."""

    def calls(self, one: CapturedDirection, other: CapturedDirection) -> bool:
        """Whether the first is known to have called the second."""
        return self._is(one, self.callers, self.callees) and self._is(
            other, self.callees, self.callers
        )

    @staticmethod
    def _is(talk: CapturedDirection, those: set[Address], not_those: set[Address]) -> bool:
        return talk.source in those and talk.source not in not_those

    def names_for(self, talk: CapturedDirection) -> dict[int, str]:
        """Payload types by their numbers, as the receiver of the talk described them in its SDP."""
        return self.types.get(talk.source, {}) | self.types.get(talk.destination, {})


def signalled_in(datagrams: Iterable[Datagram]) -> Signalled:
    """All of a capture."""
    found = Signalled()
    begun: set[bytes] = set()
    for datagram in datagrams:
        head, _, body = datagram.payload.partition(b"\r\n\r\n")
        invites = head.startswith(_INVITE)
        if not body or not (invites or head.startswith(_ANSWER)):
            continue
        if not _OF_INVITE.search(head):
            continue
        try:
            described = parse_sdp(body.decode("utf-8", errors="replace"))
        except SdpError:
            continue
        address = described.host, described.port
        via = _BRANCH.search(head)
        branch = via[1] if via is not None else b""
        if invites and not _BEGUN.search(head):
            begun.add(branch)
            found.callers.add(address)
        elif not invites and branch in begun:
            found.callees.add(address)
        found.types.setdefault(address, {}).update(_names(described))
    return found


def _names(described: SessionDescription) -> dict[int, str]:
    return {stream.payload_type: stream.codec for stream in described.streams}


# -- which two talks are the call ---------------------------------------------------------------


class UnclearChoice(ImportRefused):
    """The capture leaves open which streams are the call: the user has to choose from a list."""


@dataclass(frozen=True, slots=True)
class ChosenCall:
    """The two sides of a call."""

    caller: CapturedDirection
    callee: CapturedDirection
    why: str
    """What the order of the two follows from, in words."""
    certain: bool
    """Whether that is known."""


def choose(
    captured: Captured, signalled: Signalled, caller: str | None, callee: str | None
) -> ChosenCall:
    """The two that were asked for by address or SSRC, or the only two there are.

    Of a call of which one direction alone was captured, the other is silent. Raises UnclearChoice
    where the capture leaves it open.
    """
    talks = _sides(captured.talks)
    if caller is not None and callee is not None:
        chosen = _found(talks, caller, "--caller"), _found(talks, callee, "--callee")
        if chosen[0] is chosen[1]:
            raise UnclearChoice("--caller and --callee name the same stream")
        if len(talks) > 2 and not chosen[0].overlaps(chosen[1]):
            raise UnclearChoice("--caller and --callee were not there at the same time")
        return ChosenCall(*chosen, why="as was asked for", certain=True)
    if caller is not None:
        one = _found(talks, caller, "--caller")
        return ChosenCall(one, _other(talks, one, "--callee"), why="as was asked for", certain=True)
    if callee is not None:
        one = _found(talks, callee, "--callee")
        return ChosenCall(_other(talks, one, "--caller"), one, why="as was asked for", certain=True)
    pairs = pairs_of(talks)
    if len(talks) == 2:
        pairs = [(talks[0], talks[1])]  # whatever their addresses are: a recorder's are its own
    if not pairs:
        raise UnclearChoice(
            "no two streams answer each other: name both with --caller and --callee"
        )
    if len(pairs) > 1:
        raise UnclearChoice(
            f"{len(pairs)} pairs of streams answer each other: choose with --caller, or with "
            "--caller and --callee"
        )
    first, second = pairs[0]
    for one, other in ((first, second), (second, first)):
        if signalled.calls(one, other):
            return ChosenCall(one, other, why="by the INVITE in the capture", certain=True)
    return ChosenCall(
        first, second, why="who was heard first is taken for the caller", certain=False
    )


def shown(address: tuple[str, int]) -> str:
    """An address as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sides(talks: tuple[CapturedDirection, ...]) -> tuple[CapturedDirection, ...]:
    """The talks; with one alone, the other direction is silent."""
    ways = {(talk.source, talk.destination) for talk in talks}
    apart = not any(one.overlaps(two) for one, two in itertools.combinations(talks, 2))
    if len(ways) == 1 and apart:  # one sender, who paused for long if there are several
        talks = (CapturedDirection(tuple(stream for talk in talks for stream in talk.streams)),)
    return (*talks, CapturedDirection.uncaptured(talks[0])) if len(talks) == 1 else talks


def _found(talks: tuple[CapturedDirection, ...], wanted: str, option: str) -> CapturedDirection:
    fitting = [talk for talk in talks if _fits(talk, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnclearChoice(f"{option} {wanted}: no stream comes from there or has that SSRC")
    raise UnclearChoice(
        f"{option} {wanted}: {len(fitting)} streams come from there; name one by its port or SSRC"
    )


def _fits(talk: CapturedDirection, wanted: str) -> bool:
    if wanted in (talk.source[0], shown(talk.source)):
        return True
    try:
        ssrc = int(wanted, 0)
    except ValueError:
        return False
    return any(stream.ssrc == ssrc for stream in talk.streams)


def _other(
    talks: tuple[CapturedDirection, ...], one: CapturedDirection, option: str
) -> CapturedDirection:
    answering = [
        talk for talk in talks if talk is not one and (len(talks) == 2 or talk.answers(one))
    ]
    if len(answering) == 1:
        return answering[0]
    words = f"{len(answering)} streams answer" if answering else "no stream answers"
    raise UnclearChoice(f"{words} that from {shown(one.source)}: name the other with {option}")
