"""Which two talks of a capture are the call, and which of the two called."""

from __future__ import annotations

from dataclasses import dataclass

from mediasim.net.rtp_talks import Talk, pairs_of
from mediasim.scenario.importing.captured import Captured
from mediasim.scenario.importing.errors import ImportRefused
from mediasim.scenario.importing.signalling import Signalled

__all__ = ["Choice", "UnclearChoice", "choose", "shown"]


class UnclearChoice(ImportRefused):
    """Whoever imports has to say which streams are meant: they are to be listed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The two sides of a call."""

    caller: Talk
    callee: Talk
    why: str
    """What the order of the two follows from, in words."""
    certain: bool
    """Whether that is known."""


def choose(
    captured: Captured, signalled: Signalled, caller: str | None, callee: str | None
) -> Choice:
    """The two that were asked for by address or SSRC, or the only two there are.

    Raises UnclearChoice where the capture leaves it open.
    """
    talks = captured.talks
    if caller is not None and callee is not None:
        chosen = _found(talks, caller, "--caller"), _found(talks, callee, "--callee")
        if chosen[0] is chosen[1]:
            raise UnclearChoice("--caller and --callee name the same stream")
        if chosen[0].begins_ns > chosen[1].ends_ns or chosen[1].begins_ns > chosen[0].ends_ns:
            raise UnclearChoice("--caller and --callee were not there at the same time")
        return Choice(*chosen, why="as was asked for", certain=True)
    if caller is not None:
        one = _found(talks, caller, "--caller")
        return Choice(one, _other(talks, one, "--callee"), why="as was asked for", certain=True)
    if callee is not None:
        one = _found(talks, callee, "--callee")
        return Choice(_other(talks, one, "--caller"), one, why="as was asked for", certain=True)
    pairs = pairs_of(talks)
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
            return Choice(one, other, why="by the INVITE in the capture", certain=True)
    return Choice(first, second, why="who was heard first is taken for the caller", certain=False)


def shown(address: tuple[str, int]) -> str:
    """An address as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _found(talks: tuple[Talk, ...], wanted: str, option: str) -> Talk:
    fitting = [talk for talk in talks if _fits(talk, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnclearChoice(f"{option} {wanted}: no stream comes from there or has that SSRC")
    raise UnclearChoice(
        f"{option} {wanted}: {len(fitting)} streams come from there; name one by its port or SSRC"
    )


def _fits(talk: Talk, wanted: str) -> bool:
    if wanted in (talk.source[0], shown(talk.source)):
        return True
    try:
        ssrc = int(wanted, 0)
    except ValueError:
        return False
    return any(stream.ssrc == ssrc for stream in talk.streams)


def _other(talks: tuple[Talk, ...], one: Talk, option: str) -> Talk:
    answering = [talk for talk in talks if talk.answers(one)]
    if len(answering) == 1:
        return answering[0]
    words = f"{len(answering)} streams answer" if answering else "no stream answers"
    raise UnclearChoice(f"{words} that from {shown(one.source)}: name the other with {option}")
