"""Stage one of a campaign: the clips that its calls need, made before any call is.

    clips/made.json             of which spec, seed and calls the clips are

What the parties' voices say is found by composing every call without its times; what recorded
people say is all of their corpora.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from mediasim.campaign.clips.source import LeftOut, Source
from mediasim.campaign.clips.stage import INDEX, ClipSettings, StageOne, make_clips
from mediasim.campaign.clips.stored import ClipsError, StoredClips
from mediasim.campaign.compose import Composer, Said
from mediasim.campaign.shards import CAMPAIGN
from mediasim.campaign.spec.load import parse_campaign
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.storage import Storage
from mediasim.parties.voices.catalogue import voice_named
from mediasim.scenario.running.processes import WorkerDied, in_lanes

__all__ = ["PreparedClips", "clips_of"]

_MADE: Final = "clips/made.json"
_AT_ONCE: Final = 2000
"""Calls whose texts a process looks for at once."""


@dataclass(frozen=True, slots=True)
class PreparedClips:
    """The clips of a campaign, and what stage one did."""

    clips: StoredClips
    stage: StageOne | None
    """None if all were there already."""


def clips_of(
    spec: CampaignSpec,
    seed: int,
    out: Storage,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedClips:
    """Return the clips of a campaign's calls, after making those that are not there yet.

    ``jobs`` is how many processes make them, ``progress`` is called with the clips that are done
    and all of them. Raises CorpusError for a corpus that cannot be read at all, ClipsError for one
    that has changed since the campaign was begun, OSError if the storage refuses.
    """
    made: dict[str, Any] = {
        "schema": 1,
        "spec_digest": spec.digest,
        "seed": seed,
        "calls": spec.calls,
    }
    before: dict[str, Any] = json.loads(out.read(_MADE)) if out.exists(_MADE) else {}
    if made.items() <= before.items():
        return PreparedClips(StoredClips(out), None)
    index = out.read(INDEX) if before else b""
    settings = ClipSettings()
    sources: list[Source | LeftOut] = []
    if spec.clips is not None:
        settings = ClipSettings(spec.clips.level, spec.clips.trim)
        sources += spec.clips.sources(spec.base)
    sources += _spoken(spec, seed, jobs)
    stage = make_clips(sources, out, settings, jobs=jobs, progress=progress)
    clips = StoredClips(out)
    made["recorded"] = _recorded_digest(clips)
    if out.exists(CAMPAIGN) and before.get("recorded") not in (None, made["recorded"]):
        out.put(INDEX, index)
        raise ClipsError(
            f"the corpora are others than those that {out.where} was begun with: calls that are "
            "still to be made would draw from other people; name another --out"
        )
    out.put(_MADE, (json.dumps(made, indent=2) + "\n").encode())
    return PreparedClips(clips, stage)


def _recorded_digest(clips: StoredClips) -> str:
    """Return the fingerprint of all recorded clips and who says them."""
    digest = blake2b(digest_size=16)
    for each in clips.known:
        if each.voice is None:
            digest.update(f"{each.digest} {each.speaker} {each.split} {each.gender}\n".encode())
    return digest.hexdigest()


def _spoken(spec: CampaignSpec, seed: int, jobs: int) -> Iterator[Source]:
    """Yield what voices say in a campaign's calls, each once, sorted by voice and text."""
    starts = range(0, spec.calls, _AT_ONCE)
    found: set[Said] = set()
    if jobs < 2 or len(starts) < 2:
        for start in starts:
            found |= _needed(spec, seed, start)
    else:
        work = partial(_needed_of, spec.document, spec.name, str(spec.base.absolute()), seed)
        for start, needed in in_lanes(work, starts, min(jobs, len(starts))):
            found |= _needed(spec, seed, start) if isinstance(needed, WorkerDied) else needed
    for said in sorted(found, key=lambda each: (each.speaker, each.text)):
        language = voice_named(said.speaker).language or None
        name = f"voice:{said.speaker}/{said.text}"
        yield Source(name, said.text, said.speaker, voice=said.speaker, language=language)


def _needed_of(document: dict[str, Any], name: str, base: str, seed: int, start: int) -> set[Said]:
    return _needed(parse_campaign(document, name=name, base=base), seed, start)


def _needed(spec: CampaignSpec, seed: int, start: int) -> set[Said]:
    """Return what some calls may say."""
    composer = Composer(spec, seed)
    indexes = range(start, min(start + _AT_ONCE, spec.calls))
    return {said for index in indexes for said in composer.needed(index)}
