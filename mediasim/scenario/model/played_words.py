"""When the words of a played file are said: in the step itself, or in a file of word times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.audio.word_time import WordTime
from mediasim.documents.durations import Duration
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import Flag, Text, existing_file

__all__ = ["PlayedWord", "PlayedWords"]


class PlayedWord(Model):
    """A word of a file that is played."""

    word: Text
    """The word as it is written."""
    start: Duration
    """When it begins, from the begin of the file."""
    end: Duration
    """When it ends."""
    estimated: Flag = False
    """Whether these times are estimates."""

    def troubles(self) -> Iterator[Misfit]:
        if self.end < self.start:
            yield ("end",), "ends before it begins"

    @property
    def time(self) -> WordTime:
        """The word with samples at 8 kHz."""
        first, last = (round(each * SAMPLE_RATE / NS_PER_SECOND) for each in (self.start, self.end))
        return WordTime(self.word, first, last, self.estimated)


class _ListOrFile:
    """Annotates a list of words, in place of which the name of a file may stand."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        listed = handler.generate_schema(Many[PlayedWord])
        return core_schema.with_info_wrap_validator_function(
            _read,
            listed,
            serialization=core_schema.wrap_serializer_function_ser_schema(_dump, schema=listed),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        words = handler.resolve_ref_schema(handler(schema["schema"]))
        return {"anyOf": [{"type": "string", "format": "path"}, words, {"type": "null"}]}


def _read(value: Any, words: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    if value is None:
        return None
    if isinstance(value, str | Path):
        return existing_file(Path(value), info)
    return words(value)


def _dump(value: Any, words: core_schema.SerializerFunctionWrapHandler) -> Any:
    if value is None:
        return None
    return str(value) if isinstance(value, Path) else words(value)


PlayedWords = Annotated[Path | Sequence[PlayedWord] | None, _ListOrFile()]
"""Words with their times, or the file that has them; None where neither is known."""
