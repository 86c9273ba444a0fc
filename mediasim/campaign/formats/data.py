"""Reads a finished campaign: its document, its shards that are whole, and the calls in them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any, Final

from pydantic import ValidationError

from mediasim.campaign.formats.format import Call
from mediasim.campaign.formats.rows import CallRow
from mediasim.campaign.storage import Storage
from mediasim.documents.diagnostics import counted

__all__ = ["CampaignData", "CampaignDataError"]

_CAMPAIGN: Final = "campaign.json"
_FAILED: Final = "failed.jsonl"
_SHARDS: Final = "shards/calls-"
_SCHEMA: Final = 1


class CampaignDataError(ValueError):
    """A campaign that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class CampaignData:
    """A campaign as it lies in a folder or a bucket."""

    storage: Storage
    name: str
    """Its folder or URL, for messages."""

    @cached_property
    def document(self) -> dict[str, Any]:
        """``campaign.json``. Raises CampaignDataError."""
        try:
            found = json.loads(self.storage.read(_CAMPAIGN))
        except FileNotFoundError:
            raise CampaignDataError(
                f"{self.name} holds no campaign: expected {_CAMPAIGN} in it, which "
                "mediasim campaign SPEC --out writes"
            ) from None
        except OSError as error:
            raise CampaignDataError(f"{self.name} cannot be read: {error}") from None
        except ValueError:
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("calls"), int):
            raise CampaignDataError(f"{self.name}/{_CAMPAIGN} is not a campaign's document")
        if found.get("schema") != _SCHEMA:
            raise CampaignDataError(
                f"{self.name}/{_CAMPAIGN} is of schema {found.get('schema')!r}: this version of "
                f"mediasim reads {_SCHEMA}"
            )
        return found

    @property
    def calls(self) -> int:
        """How many calls were asked for."""
        return int(self.document["calls"])

    @property
    def wanted(self) -> range:
        """The numbers of all shards that were asked for."""
        size = int(self.document.get("shard") or 200)
        return range(-(-self.calls // size))

    @cached_property
    def shards(self) -> tuple[int, ...]:
        """The numbers of the shards that are whole."""
        there = set(self.storage.names(_SHARDS))
        return tuple(shard for shard in self.wanted if _shard(shard) in there)

    @cached_property
    def given_up(self) -> frozenset[int]:
        """The numbers of shards that failed for good, and are not whole by now."""
        if not self.storage.exists(_FAILED):
            return frozenset()
        failed = set()
        for line in self.storage.read(_FAILED).split(b"\n"):
            try:
                failed.add(int(json.loads(line)["shard"]))
            except (ValueError, KeyError, TypeError):
                continue
        return frozenset(failed - set(self.shards))

    def missing(self) -> str | None:
        """Return in words which shards are not there; None if all are."""
        absent = len(self.wanted) - len(self.shards)
        if not absent:
            return None
        words = f"{counted(absent, 'shard')} of {len(self.wanted)} not whole"
        if lost := len(self.given_up & set(self.wanted)):
            words += f", {lost} of them given up as {_FAILED} says"
        return words

    def rows(self, shard: int) -> Iterator[CallRow]:
        """Yield the rows of a shard, without audio. Raises CampaignDataError."""
        name = _shard(shard, ".jsonl")
        try:
            lines = self.storage.read(name).split(b"\n")
        except OSError as error:
            raise CampaignDataError(f"{self.name}/{name} cannot be read: {error}") from None
        for number, line in enumerate(lines, 1):
            if line:
                yield self._row(line, f"{name}:{number}")

    def audio(self, shard: int) -> Iterator[Call]:
        """Yield the calls of a shard with their audio. Raises CampaignDataError."""
        name = _shard(shard)
        flac: bytes | None = None
        try:
            with tarfile.open(fileobj=BytesIO(self.storage.read(name)), mode="r:") as tar:
                for member in tar:
                    opened = tar.extractfile(member)
                    content = b"" if opened is None else opened.read()
                    if member.name.endswith(".flac"):
                        flac = content
                    elif member.name.endswith(".json"):
                        text = content.decode().strip()
                        if flac is None:
                            raise CampaignDataError(
                                f"{self.name}/{name}: {member.name} has no audio before it"
                            )
                        yield Call(self._row(text, f"{name}: {member.name}"), text, flac)
                        flac = None
        except (OSError, tarfile.TarError, UnicodeDecodeError) as error:
            raise CampaignDataError(f"{self.name}/{name} cannot be read: {error}") from None

    def _row(self, line: str | bytes, place: str) -> CallRow:
        try:
            return CallRow.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = ".".join(str(step) for step in first["loc"]) or "it"
            raise CampaignDataError(
                f"{self.name}/{place} is not the row of a call: {path}: {first['msg'].lower()}"
            ) from None


def _shard(number: int, suffix: str = ".tar") -> str:
    return f"{_SHARDS}{number:06d}{suffix}"
