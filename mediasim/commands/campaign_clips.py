"""Stage one of the command ``campaign``: clips, made before any call."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from mediasim.commands.ending import ExitCode, refusing, stop
from mediasim.commands.progress import Tell, progress
from mediasim.documents.diagnostics import counted, printable

if TYPE_CHECKING:
    from mediasim.campaign import CampaignSpec, StoredClips
    from mediasim.campaign.storage import Storage

__all__ = ["made_clips"]

_SHOWN: Final = 5
"""Sources that were left out of which the reason is printed."""


def made_clips(spec: CampaignSpec, seed: int, out: Storage, jobs: int | None) -> StoredClips:
    """Make the clips of a campaign that are not there yet, with progress, and return them all.

    Ends the command with exit code 2 for a corpus that cannot be read, with 130 on Ctrl-C.
    """
    from mediasim.campaign import clips_of
    from mediasim.campaign.clips.corpora import CorpusError
    from mediasim.campaign.clips.stage import LEFT_OUT
    from mediasim.campaign.engines.processes import cores

    told: list[Tell] = []
    try:
        with refusing(CorpusError), ExitStack() as shown:

            def tell(done: int, total: int) -> None:
                if not told:
                    told.append(shown.enter_context(progress(total, "clips", log=True)))
                told[0](done, f"{done:,} of {counted(total, 'clip')}")

            found = clips_of(spec, seed, out, jobs=jobs or cores(), progress=tell)
    except KeyboardInterrupt:
        words = "interrupted while the clips were made; the same command goes on with them"
        stop(words, ExitCode.INTERRUPTED)
    stage = found.stage
    if stage is not None:
        words = f"{counted(stage.clips, 'clip')} of {stage.seconds / 60:,.1f} min in all"
        if stage.left_out:
            words += f", {len(stage.left_out):,} left out: {LEFT_OUT} has why"
        print(words)
        for each in stage.left_out[:_SHOWN]:
            print(f"  {printable(str(each))}")
    return found.clips
