"""The model of a campaign: how many calls, of what, and what is drawn for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import PrivateAttr

from mediasim.campaign.clips.spec import ClipsSpec
from mediasim.campaign.spec.part import PartSpec, Whats
from mediasim.documents.document import Node, Origin
from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Name, Text, count

__all__ = ["CampaignSpec"]

_NOT_SAID: Final = ("name", "description", "calls", "seed", "shard")
"""Keys that change no call."""


class CampaignSpec(Whats):
    """A campaign: a data set of calls."""

    name: Name = ""
    """The campaign's name. Default: the file's name without its ending."""
    description: Text | None = None
    """What the data set is, for its card."""
    calls: Annotated[int, count(1, 100_000_000)]
    """How many calls there are."""
    seed: Annotated[int, count(0, 2**63 - 1)] = 1
    """Decides every draw: the same seed and spec give the same bytes of each call."""
    shard: Annotated[int, count(1, 10_000)] = 200
    """How many calls are stored together; a shard is there whole or not at all."""
    clips: ClipsSpec | None = None
    """Recorded speech that speakers are drawn from, instead of voices."""
    parts: Mapping[Name, PartSpec] = {}
    """Kinds of calls by name, of which each call is one: languages, say, or telephones and
    conferences."""

    _origin: Origin = PrivateAttr(default_factory=lambda: Origin(Node({}), Path()))

    def settle(self, context: Any) -> None:
        if isinstance(context, Origin):
            self._origin = context
        self._fill(name=self.name or self._origin.name)

    def troubles(self) -> Iterator[Misfit]:
        yield from super().troubles()
        if self.parts and not any(part.share for part in self.parts.values()):
            yield ("parts",), "expected a share above 0"

    @property
    def origin(self) -> Origin:
        """Where the spec was read from."""
        return self._origin

    @property
    def base(self) -> Path:
        """The folder that paths in the spec are relative to."""
        return self._origin.base

    @property
    def shard_size(self) -> int:
        """How many calls a whole shard has."""
        return self.shard

    @property
    def shards(self) -> int:
        """How many shards there are; the last may have fewer calls."""
        return -(-self.calls // self.shard)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The whole spec as JSON has it."""
        written = self._origin.document.plain() or self.model_dump(mode="json")
        found: dict[str, Any] = json.loads(json.dumps(written, default=str))
        return found

    @cached_property
    def digest(self) -> str:
        """Fingerprint of what decides the bytes of a call, beside the seed and its index."""
        said = {key: each for key, each in self.document.items() if key not in _NOT_SAID}
        said["files"] = list(_read(self))
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def _read(part: object) -> Iterator[object]:
    """Yield what the parts of a spec have read of files."""
    if isinstance(part, Model):
        found = getattr(part, "read", None)
        if found:
            yield found
        for name in type(part).model_fields:
            yield from _read(getattr(part, name))
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from _read(each)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for each in part:
            yield from _read(each)
