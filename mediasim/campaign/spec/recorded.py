"""Checks of recorded speakers: that there are corpora, and that nobody has texts to say."""

from __future__ import annotations

from collections.abc import Iterator

from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.parts import Part
from mediasim.documents.diagnostics import expected_among
from mediasim.documents.model import Misfit
from mediasim.scenario.model.scenario import Scenario

__all__ = ["recorded_troubles"]


def recorded_troubles(spec: CampaignSpec, part: Part, scenario: Scenario) -> Iterator[Misfit]:
    """Yield what of a part's recorded speakers cannot be, by its place in ``speakers``."""
    speakers, talk = part.speakers, part.conversation
    asked = speakers.recorded is not None or bool(speakers.recorded_of)
    key = "recorded" if speakers.recorded is not None else "recorded_of"
    corpora = spec.clips is not None and bool(spec.clips.corpora)
    if asked and not corpora:
        yield (key,), "expected clips: with the corpora that they are recorded in"
    if part.room is not None and speakers.recorded_of:
        yield ("recorded_of",), "expected none of a conference, whose participants have no names"
        return
    known = [name for name, each in scenario.parties.items() if each.app is None]
    for name in speakers.recorded_of:
        if name not in known:
            yield ("recorded_of", name), expected_among(name, known, "parties that talk")
    if talk is None:
        if asked:
            yield (key,), "expected a conversation, without which nobody says anything"
        return
    talking = [
        name
        for name in (talk.parties or known)
        if name in scenario.parties and scenario.parties[name].voice is None
    ]
    people = [name for name in talking if speakers.recorded_for(name) is not None]
    given = next((key for key in ("texts", "texts_of", "texts_in") if getattr(talk, key)), None)
    if talk.dialogues is not None and people:
        yield (
            (key,),
            f"expected none beside dialogues: {people[0]} cannot say what was not recorded",
        )
    elif given is not None and people == talking:
        yield (key,), f"expected none beside {given}, which nobody is left to say"
    elif given is None and talk.dialogues is None and people != talking:
        name = next(name for name in talking if name not in people)
        words = "texts, texts_of or dialogues" if not asked else "texts for the others"
        yield (), f"{name} has nothing to say: expected {words} in the conversation"
