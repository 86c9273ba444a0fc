"""What is said in the calls of a campaign, by whom, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from mediasim.campaign.spec.distributions import Constant, Drawn, OneOf
from mediasim.documents.model import Many, Misfit, Model, OneOrMany
from mediasim.documents.values import Name, Text
from mediasim.parties.voices.catalogue import DEFAULT_VOICES

__all__ = ["ConversationSpec", "SpeakersSpec", "TextsSpec"]


class TextsSpec(Model):
    """What the turns of a conversation are taken from. A bare list is its ``lines``."""

    stands_for: ClassVar[str] = "lines"

    lines: OneOrMany[Text] = None
    """Texts, of which each turn says one; none is said twice in a call while there are others."""

    @property
    def all_lines(self) -> tuple[str, ...]:
        """The texts, always as a tuple."""
        return self.lines if isinstance(self.lines, tuple) else ()

    def troubles(self) -> Iterator[Misfit]:
        if not self.all_lines:
            yield ("lines",), "expected at least one text"


class SpeakersSpec(Model):
    """Who speaks: a speaker is drawn for each party of a call, no two parties have the same."""

    stands_for: ClassVar[str] = "voices"

    voices: Drawn = OneOf.model_validate({"choices": list(DEFAULT_VOICES)})
    """Voices of the catalogue."""


class ConversationSpec(Model):
    """A conversation, whose turns and times are drawn for each call."""

    kind: Literal["planned"] = "planned"
    """planned: the time of every turn is drawn beforehand."""
    parties: Many[Name] = ()
    """Who takes part, in order of their turns; all parties of the scenario where absent."""
    texts: TextsSpec
    """What the turns say."""
    turns: Drawn = Constant(value=8)
    """How many turns there are at most."""
    gaps: Drawn = Constant(value="200ms")
    """From the end of a turn to the start of the next; below 0 the two overlap."""
    starts: Drawn = Constant(value="500ms")
    """When the first turn begins, counted from when the callee has answered."""
    duration: Drawn | None = None
    """How long the connection lasts; until the last turn has ended where absent."""
