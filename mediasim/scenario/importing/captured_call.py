"""A captured call: the RTP of a capture by direction, its SIP, and the two directions that are the
call."""

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
from mediasim.net.sdp import SdpError, parse_sdp

__all__ = [
    "Captured",
    "ChosenCall",
    "ImportRefused",
    "Signalled",
    "UnclearChoice",
    "address_text",
    "choose",
    "read_captured",
    "signalled_in",
]

_LATEST_NS: Final = 9_000_000_000 * 1_000_000_000
"""Unix time in nanoseconds after which a capture's times are refused: in the year 2255, shortly
before they no longer fit in 64 bits."""
_INVITE: Final = b"INVITE "
_ANSWER: Final = b"SIP/2.0 "
_BEGUN: Final = re.compile(rb"^(?:to|t)\s*:[^\r\n]*;\s*tag=", re.IGNORECASE | re.MULTILINE)
"""Matches the tag of a To header, which an INVITE inside a dialog has (RFC 3261, section 12.2)."""
_BRANCH: Final = re.compile(
    rb"^(?:via|v)\s*:[^\r\n]*;\s*branch=([^;,\s]+)", re.IGNORECASE | re.MULTILINE
)
"""Matches the branch of a Via header, which identifies a transaction (RFC 3261, section
8.1.1.7)."""
_OF_INVITE: Final = re.compile(rb"^cseq\s*:\s*\d+\s+INVITE\b", re.IGNORECASE | re.MULTILINE)
"""Matches the CSeq header of an INVITE and of its responses."""
Address = tuple[str, int]


class ImportRefused(Exception):
    """The capture, or the choice made of it, cannot be imported; the message says why, and what
    would help."""


# -- the capture --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Captured:
    """The contents of a capture file."""

    path: Path
    seed: int
    """A seed decided by the file's bytes."""
    datagrams: tuple[Datagram, ...]
    directions: tuple[CapturedDirection, ...]
    """The directions of RTP, each with its streams."""
    truncated: bool
    """Whether the file ends in the middle of a frame."""


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
    directions = directions_of(find_streams(found))
    if not directions:
        raise ImportRefused(
            f"{path}: no RTP streams among {len(capture.frames)} frames, {len(found)} of them UDP"
        )
    # Seeds have 63 bits.
    seed = int.from_bytes(blake2b(data, digest_size=8).digest(), "big") >> 1
    return Captured(path, seed, tuple(found), tuple(directions), capture.truncated)


# -- what its SIP says --------------------------------------------------------------------------


@dataclass(slots=True)
class Signalled:
    """What the session descriptions of a capture say."""

    callers: set[Address] = field(default_factory=set)
    """Media addresses in offers of INVITEs."""
    callees: set[Address] = field(default_factory=set)
    """Media addresses in answers to INVITEs."""
    types: dict[Address, dict[int, str]] = field(default_factory=dict)
    """Names of the payload types that are sent to an address."""

    def calls(self, one: CapturedDirection, other: CapturedDirection) -> bool:
        """Return whether one direction is known to be the caller's, and the other the callee's."""
        return self._is(one, self.callers, self.callees) and self._is(
            other, self.callees, self.callers
        )

    @staticmethod
    def _is(direction: CapturedDirection, those: set[Address], not_those: set[Address]) -> bool:
        return direction.source in those and direction.source not in not_those

    def names_for(self, direction: CapturedDirection) -> dict[int, str]:
        """Return the codecs of payload types, as the receiver of a direction described them in its
        SDP."""
        return self.types.get(direction.source, {}) | self.types.get(direction.destination, {})


def signalled_in(datagrams: Iterable[Datagram]) -> Signalled:
    """Return what the session descriptions in datagrams say."""
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
        # An INVITE with a tag in its To changes a call that exists: it says nothing about who
        # called.
        if invites and not _BEGUN.search(head):
            begun.add(branch)
            found.callers.add(address)
        elif not invites and branch in begun:
            found.callees.add(address)
        found.types.setdefault(address, {}).update(
            {stream.payload_type: stream.codec for stream in described.streams}
        )
    return found


# -- which two talks are the call ---------------------------------------------------------------


class UnclearChoice(ImportRefused):
    """The capture leaves open which streams are the call: the user has to choose from a list."""


@dataclass(frozen=True, slots=True)
class ChosenCall:
    """The two directions of a call."""

    caller: CapturedDirection
    callee: CapturedDirection
    why: str
    """The reason for the order of the two, in words."""
    certain: bool
    """Whether the order is known."""


def choose(
    captured: Captured, signalled: Signalled, caller: str | None, callee: str | None
) -> ChosenCall:
    """Return the two directions that were named by address or SSRC, or the only two there are.

    If only one direction of a call was captured, the other is silent. Raises UnclearChoice if the
    capture leaves it open.
    """
    directions = _sides(captured.directions)
    if caller is not None or callee is not None:
        first = None if caller is None else _found(directions, caller, "--caller")
        second = None if callee is None else _found(directions, callee, "--callee")
        if first is second:
            raise UnclearChoice("--caller and --callee name the same stream")
        if first is None:
            assert second is not None
            first = _other(directions, second, "--caller")
        elif second is None:
            second = _other(directions, first, "--callee")
        elif len(directions) > 2 and not first.overlaps(second):
            raise UnclearChoice("--caller and --callee were not there at the same time")
        return ChosenCall(first, second, why="as was asked for", certain=True)
    pairs = pairs_of(directions)
    if len(directions) == 2:
        # Whatever their addresses are: those of a recorder's copies are the recorder's own.
        pairs = [(directions[0], directions[1])]
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


def address_text(address: tuple[str, int]) -> str:
    """Return an address as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sides(directions: tuple[CapturedDirection, ...]) -> tuple[CapturedDirection, ...]:
    """Return the directions; if there is only one, with a silent other direction."""
    ways = {(direction.source, direction.destination) for direction in directions}
    apart = not any(one.overlaps(two) for one, two in itertools.combinations(directions, 2))
    if len(ways) == 1 and apart:  # one sender, who paused for long if there are several
        streams = tuple(stream for direction in directions for stream in direction.streams)
        directions = (CapturedDirection(streams),)
    if len(directions) == 1:
        return (*directions, CapturedDirection.uncaptured(directions[0]))
    return directions


def _found(
    directions: tuple[CapturedDirection, ...], wanted: str, option: str
) -> CapturedDirection:
    """Return the direction that an option names. Raises UnclearChoice if there is not exactly
    one."""
    fitting = [direction for direction in directions if _fits(direction, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnclearChoice(f"{option} {wanted}: no stream comes from there or has that SSRC")
    raise UnclearChoice(
        f"{option} {wanted}: {len(fitting)} streams come from there; name one by its port or SSRC"
    )


def _fits(direction: CapturedDirection, wanted: str) -> bool:
    """Return whether a direction comes from the address, or has the SSRC, that is wanted."""
    if wanted in (direction.source[0], address_text(direction.source)):
        return True
    try:
        ssrc = int(wanted, 0)
    except ValueError:
        return False
    return any(stream.ssrc == ssrc for stream in direction.streams)


def _other(
    directions: tuple[CapturedDirection, ...], one: CapturedDirection, option: str
) -> CapturedDirection:
    """Return the direction that answers another. Raises UnclearChoice if there is not exactly
    one."""
    answering = [
        direction
        for direction in directions
        if direction is not one and (len(directions) == 2 or direction.answers(one))
    ]
    if len(answering) == 1:
        return answering[0]
    words = f"{len(answering)} streams answer" if answering else "no stream answers"
    raise UnclearChoice(
        f"{words} that from {address_text(one.source)}: name the other with {option}"
    )
