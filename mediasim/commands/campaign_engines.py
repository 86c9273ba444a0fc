"""How the command ``campaign`` makes its shards: by which engine, shown how, and ended how."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

from mediasim.commands.ending import ExitCode, refusing, stop
from mediasim.commands.progress import progress
from mediasim.documents.diagnostics import counted

if TYPE_CHECKING:
    from mediasim.campaign.engines.engine import Engine
    from mediasim.campaign.engines.layout import Part
    from mediasim.campaign.engines.making import Making
    from mediasim.campaign.engines.pace import Pace
    from mediasim.campaign.engines.worker import CampaignPlace

__all__ = [
    "CampaignCommand",
    "chosen_engine",
    "command_line",
    "ended_alike",
    "part_of",
    "repeating",
    "run_making",
    "show_status",
]

_ADDRESS: Final = re.compile(r"auto|local|ray://\S+|(\[[\da-fA-F:]+\]|[\w.-]+):\d+")
"""What ``--ray`` takes as an address: what else follows it is the next argument."""


class CampaignCommand(TyperCommand):
    """A command whose option ``--ray`` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give ``--ray`` an empty address where none follows it."""
        given: list[str] = []
        for place, arg in enumerate(args):
            after = args[place + 1] if place + 1 < len(args) else ""
            alone = arg == "--ray" and not _ADDRESS.fullmatch(after)
            given.append("--ray=" if alone else arg)
        return super().parse_args(ctx, given)


def part_of(only: str | None) -> Part | None:
    """Return the part that ``--only`` names; ends the command if it names none."""
    from mediasim.campaign.engines.layout import Part

    try:
        return None if only is None else Part.parse(only)
    except ValueError as error:
        stop(f"--only: {error}")


def chosen_engine(jobs: int | None, ray: str | None) -> Callable[[CampaignPlace], Engine]:
    """Return what opens the engine that the options ask for. Ends the command if they disagree."""
    if ray is not None:
        if jobs is not None:
            stop("--jobs is for one machine, and --ray for the processors of a cluster: give one")
        from mediasim.campaign.engines.on_ray import OnRay, RayUnusable, require_ray

        with refusing(RayUnusable):
            require_ray()
        return lambda place: OnRay(place, ray or None)
    from mediasim.campaign.engines.processes import Processes, cores

    return lambda place: Processes(place, jobs or cores())


def repeating(words: Sequence[str]) -> Callable[[Part], str]:
    """Return what makes of a command, without ``--only``, the one for a part of its campaign."""
    return lambda part: command_line(words, only=part)


def command_line(words: Sequence[str], **options: object) -> str:
    """Return a command for a shell, with those of the options that are not None."""
    given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
    return shlex.join([*words, *(word for option in given for word in option if word)])


def run_making(making: Making, engine: Callable[[], Engine], resume: str, where: str) -> None:
    """Make what is missing, with progress, and end the command unless all of it is whole.

    Exit code 3: shards were given up, or no more can be made; 130: Ctrl-C or SIGTERM.
    """
    from mediasim.campaign.engines.failures import FAILED
    from mediasim.campaign.engines.on_ray import RayUnusable
    from mediasim.campaign.engines.shards_made import CampaignStopped

    def left() -> str:
        pace = making.pace
        return (
            f"{pace.done:,} of {counted(pace.calls, 'call')} are whole in {where}; "
            f"to go on: {resume}"
        )

    try:
        with progress(making.pace.calls, "calls", pace_words(making.pace), log=True) as show:
            making.run(engine, lambda pace: show(pace.done, pace_words(pace)))
    except KeyboardInterrupt:
        stop(f"interrupted: {left()}", ExitCode.INTERRUPTED)
    except RayUnusable as error:
        stop(str(error))
    except CampaignStopped as error:
        stop(f"{error}\n{left()}", ExitCode.BROKE)
    except OSError as error:
        words = f"cannot write to {error.filename or where}: {error.strerror or error}"
        stop(f"{words}\n{left()}", ExitCode.BROKE)
    if making.failed:
        stop(
            f"{counted(making.failed, 'shard')} could not be made, though tried three times: "
            f"{FAILED} in {where} has what went wrong, and the command that repeats each",
            ExitCode.BROKE,
        )


def show_status(where: str) -> None:
    """Print how far the campaign at a folder or URL is, and end the command if there is none."""
    from mediasim.campaign.engines.status import NoCampaign, status_of
    from mediasim.campaign.storage import open_storage

    try:
        status = status_of(open_storage(where))
    except NoCampaign as error:
        stop(str(error))
    except OSError as error:
        stop(f"cannot read {error.filename or where}: {error.strerror or error}")
    print(pace_words(status.pace))
    print(f"{status.whole:,} of {counted(status.layout.shards, 'shard')} are whole")
    if status.failed:
        print(f"{counted(len(status.failed), 'shard')} given up: see failed.jsonl")


def pace_words(pace: Pace) -> str:
    """Return how far a campaign is: ``1,200 of 9,000 calls, 31.2 calls a second, 4 min left``."""
    words = f"{pace.done:,} of {counted(pace.calls, 'call')}"
    if pace.done == pace.calls:
        return words
    if pace.idle is not None:
        return f"{words}, none for {_long(pace.idle)}: no run seems to go on"
    if pace.rate is None or pace.left is None:
        return words
    return f"{words}, {pace.rate:.3g} calls a second, {_long(pace.left)} left"


def _long(seconds: float) -> str:
    """Return a length of time as people say it: ``40 s``, ``12 min``, ``3 h 20 min``."""
    whole = round(seconds)
    minutes, hours, days = round(whole / 60), whole // 3600, whole // 86400
    if whole < 100:
        return f"{whole} s"
    if minutes < 100:
        return f"{minutes} min"
    if days < 2:
        return f"{hours} h {whole % 3600 // 60} min"
    return f"{days} d {whole % 86400 // 3600} h"


@contextmanager
def ended_alike() -> Iterator[None]:
    """Let SIGTERM, by which schedulers end jobs, end a command as Ctrl-C does: by exit code 130."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        stop("interrupted: the same command goes on", ExitCode.INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)
