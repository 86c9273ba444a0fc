"""Parties drawn at random: codecs, networks of all kinds, and scripts.

Each choice has a label of its own. What is drawn under one label changes nothing under another, so
that a new thing to draw changes few of the calls that a seed gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from mediasim.audio.codecs import CODECS
from mediasim.seeds import Seeds

__all__ = ["SIGNALS", "Draws", "draw_party"]


T = TypeVar("T")


class Draws:
    """The random choices under one label."""

    def __init__(self, seeds: Seeds, label: str) -> None:
        self._seeds = seeds.fork(label)
        self._generator = seeds.generator(label)

    def fork(self, label: str) -> Draws:
        """Return choices under a label below this one, which do not change those made here."""
        return Draws(self._seeds, label)

    def chance(self, share: float) -> bool:
        """Return True with a probability of ``share``."""
        return bool(self._generator.random() < share)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return int(self._generator.integers(low, high + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[self.whole(0, len(choices) - 1)]

    def ms(self, low: int, high: int) -> str:
        """Return a time in milliseconds as scenarios write it; every third one in whole frames."""
        time = self.whole(low, high)
        return f"{time // 20 * 20 if self.chance(1 / 3) and time >= 20 else time}ms"


Drawn = dict[str, Any]

SIGNALS: Final = ("asked", "offered", "agreed")
"""Events that scripts emit, and that others wait for."""
_WORDS: Final = ("Good morning", "What can I do for you?", "Yes", "One moment please")
_SHARES: Final = (0.01, 0.05, 0.2, 0.6)
"""Shares of packets that a network may lose, reorder or duplicate."""
_LINES: Final = ("telephone", "mobile", {"kind": "telephone", "noise": "none"})
_DEAF_LINES: Final = ("telephone", {"kind": "mobile", "echo": "0s"}, _LINES[2])
"""Lines of parties that nothing they hear makes a difference to: without an echo."""


def draw_party(draws: Draws, *, listens: bool = True) -> Drawn:
    """Return a party; its voice is babble, so that it sounds the same wherever it is run.

    Unless it ``listens``, nothing it does depends on what it hears.
    """
    codec = draws.pick([each for each in CODECS.values() for _ in range(each.drawn)])
    dtx = draws.pick(("off", "off", "silence", "comfort-noise"))
    party: Drawn = {
        "voice": "babble",
        "codec": codec.name,
        "dtx": dtx if codec.has_comfort_noise or dtx != "comfort-noise" else "silence",
        "network": draw_network(draws.fork("network")),
    }
    if len(codec.ptimes) > 1:
        party["ptime"] = draws.pick(sorted((*codec.ptimes, 20, 20)))
    if draws.chance(0.15):
        party["noise"] = draws.pick((-70, -50, -35))
    line = draws.fork("line")
    if line.chance(0.15):
        party["line"] = line.pick(_LINES if listens else _DEAF_LINES)
    if draws.chance(0.9):
        party["script"] = draw_script(draws.fork("script"), listens=listens)
    return party


# -- what they do -------------------------------------------------------------------------------


def _sound(draws: Draws, *, keys: bool = True) -> Drawn:
    """Return one step that is heard."""
    kind = draws.pick(("say", "noise", "noise", "tone", "dtmf" if keys else "tone"))
    if kind == "say":
        sound: Drawn = {"text": draws.pick(_WORDS)}
    elif kind == "noise":
        sound = {
            "kind": draws.pick(("white", "pink", "babble")),
            "for": draws.ms(1, 700),
            "level": draws.pick((-6, -15, -30)),
        }
    elif kind == "tone":
        sound = {
            "hz": draws.pick(([440], [620, 1130], [2500], [60, 3900])),
            "for": draws.ms(1, 500),
        }
    else:
        sound = {"digits": draws.pick(("1", "42#", "0")), "in_band": draws.chance(0.5)}
    if draws.chance(0.15):
        sound["at"] = draws.ms(0, 4000)
    return {kind: sound}


def _pause(draws: Draws) -> Drawn:
    return {"pause": draws.ms(0, 900)}


def draw_script(draws: Draws, *, listens: bool) -> list[Any]:
    """Return steps that end by themselves: every wait has a timeout."""
    steps: list[Any] = []
    for number in range(draws.whole(1, 6)):
        step = draws.fork(f"step/{number}")
        steps.append(_pause(step) if step.chance(0.3) else _sound(step))
    if draws.chance(0.15):
        lines = draws.fork("together")
        together = [[_pause(lines), _sound(lines, keys=False)] for _ in range(2)]
        steps.insert(draws.whole(0, len(steps)), {"together": together})
    if draws.chance(0.15):
        again = draws.fork("repeat")
        inner = [_sound(again), _pause(again)]
        repeat = {"times": again.whole(1, 4), "steps": inner}
        steps.insert(draws.whole(0, len(steps)), {"repeat": repeat})
    for begin, end in (("mute", "unmute"), ("hold", "resume")):
        if draws.chance(0.2):
            _put_between(draws.fork(begin), steps, begin, end)
    if draws.chance(0.3):
        steps.insert(draws.whole(0, len(steps)), {"emit": draws.pick(SIGNALS)})
    if listens and draws.chance(0.25):
        waits: tuple[Drawn, ...] = (
            {"speech": True},
            {"quiet": "300ms"},
            {"digit": "1"},
            {"event": "agreed"},
        )
        wait = draws.pick(waits)
        timeout = draws.ms(20, 1500)
        steps.insert(draws.whole(0, len(steps)), {"wait_for": {**wait, "timeout": timeout}})
    if draws.chance(0.1):
        steps.insert(draws.whole(0, len(steps)), {"wait_for": {"time": draws.ms(0, 3000)}})
    if draws.chance(0.25):
        steps.append("hangup")
    return steps


def _put_between(draws: Draws, steps: list[Any], begin: str, end: str) -> None:
    """Insert a step and, as a rule, the one that ends it; people also forget it, or repeat it."""
    at = draws.whole(0, len(steps))
    steps.insert(at, begin)
    if draws.chance(0.85):
        steps.insert(draws.whole(at + 1, len(steps)), end)
    if draws.chance(0.15):
        steps.insert(draws.whole(0, len(steps)), draws.pick((begin, end)))


# -- networks -----------------------------------------------------------------------------------


def draw_network(draws: Draws) -> Drawn:
    """Return the network of a party: clean, with a clock that is off, or with any impairment."""
    condition = draws.pick(("clean", "skewed", "one-way", "bad", "bad", "bad"))
    network: Drawn
    if condition == "clean":
        network = {"delay": draws.ms(0, 120)}
    elif condition == "skewed":
        network = {"up": {"delay": draws.ms(0, 60), "skew": draws.whole(-1000, 1000)}}
    elif condition == "one-way" and draws.chance(0.3):
        network = {draws.pick(("up", "down")): {"one_way": True}}
    else:
        network = {"up": _link(draws.fork("up")), "down": _link(draws.fork("down"))}
    if draws.chance(0.6):
        network["jitter_buffer"] = draws.pick(("20ms", "40ms", "60ms", "100ms", "300ms"))
    if draws.chance(0.3):
        network["conceal"] = "repeat"
    return network


def _link(draws: Draws) -> Drawn:
    """Return one direction of a network with any impairment."""
    link: Drawn = {"delay": draws.ms(0, 150)}
    if draws.chance(0.5):
        kind = draws.pick(("uniform", "normal", "exponential"))
        link["jitter"] = {kind: draws.pick(("2ms", "15ms", "60ms", "200ms"))}
    loss = draws.pick(("none", "random", "bursts"))
    if loss == "random":
        link["loss"] = draws.pick(_SHARES)
    elif loss == "bursts":
        link["loss"] = {
            "gilbert_elliott": {
                "enter": draws.pick((0.02, 0.3, 0.9)),
                "leave": draws.pick((0.1, 0.5, 0.9)),
                "loss_good": draws.pick((0.0, 0.05)),
                "loss_bad": draws.pick((1.0, 0.6)),
            }
        }
    for name in ("reorder", "duplicate"):
        if draws.chance(0.35):
            link[name] = draws.pick(_SHARES)
    if draws.chance(0.35):
        link["skew"] = draws.whole(-5000, 5000)
    end = 0
    for _ in range(draws.pick((0, 0, 0, 1, 2))):
        at = end + draws.whole(0, 2500)
        length = draws.whole(1, 1500)
        stall = {"at": f"{at}ms", "for": f"{length}ms", "kind": draws.pick(("gap", "pause"))}
        link.setdefault("stalls", []).append(stall)
        end = at + length
    return link
