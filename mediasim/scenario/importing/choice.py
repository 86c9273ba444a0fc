"""Which two talks of a capture are the call, and which of the two called."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mediasim.captures.rtp_talks import Talk, pairs_of
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
        return Choice(*chosen, why="as was asked for", certain=True)
    if caller is not None:
        one = _found(talks, caller, "--caller")
        return Choice(one, _other(talks, one, "--callee"), why="as was asked for", certain=True)
    if callee is not None:
        one = _found(talks, callee, "--callee")
        return Choice(_other(talks, one, "--caller"), one, why="as was asked for", certain=True)
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
            return Choice(one, other, why="by the INVITE in the capture", certain=True)
    return Choice(first, second, why="who was heard first is taken for the caller", certain=False)


def shown(address: tuple[str, int]) -> str:
    """An address as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _sides(talks: tuple[Talk, ...]) -> tuple[Talk, ...]:
    """The talks; with one alone, the other direction is silent."""
    ways = {(talk.source, talk.destination) for talk in talks}
    apart = not any(one.overlaps(two) for one, two in itertools.combinations(talks, 2))
    if len(ways) == 1 and apart:  # one sender, who paused for long if there are several
        talks = (Talk(tuple(stream for talk in talks for stream in talk.streams)),)
    return (*talks, Talk.unheard(talks[0])) if len(talks) == 1 else talks


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
    answering = [
        talk for talk in talks if talk is not one and (len(talks) == 2 or talk.answers(one))
    ]
    if len(answering) == 1:
        return answering[0]
    words = f"{len(answering)} streams answer" if answering else "no stream answers"
    raise UnclearChoice(f"{words} that from {shown(one.source)}: name the other with {option}")
