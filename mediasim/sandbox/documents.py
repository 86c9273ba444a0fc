"""Records as documents of JSON, and documents as records again.

Times inside are loop time, which begins anew with each start; in a document they are nanoseconds
since 1970. By the rule of the records' names every field that ends in ``_ns`` is a time. A layout
is kept as what was asked for: the rule table decides anew, the same way.

A field that a document lacks may stand in it under a former name, as another value.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from mediasim.exchange.layout import Layout, recording_layout
from mediasim.twilio.representations import ABSENCE_CODES

__all__ = ["from_document", "to_document"]

R = TypeVar("R")
_TIME: Final = "_ns"
_FORMER: Final = {
    "absence": ("error_code", {code: absence for absence, code in ABSENCE_CODES.items()}),
}
"""Fields that documents of earlier versions have: their name then, and what each value is now."""


def to_document(record: Any, epoch_ns: int) -> dict[str, Any]:
    """A dataclass as a document. ``epoch_ns`` is loop time zero in nanoseconds since 1970."""
    return {
        field.name: _written(field.name, getattr(record, field.name), epoch_ns)
        for field in dataclasses.fields(record)
    }


def _written(name: str, value: Any, epoch_ns: int) -> Any:
    if isinstance(value, Layout):
        return value.asked()
    if dataclasses.is_dataclass(value):
        return to_document(value, epoch_ns)
    if isinstance(value, Mapping):
        return {key: _written("", item, epoch_ns) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written("", item, epoch_ns) for item in value]
    return value + epoch_ns if name.endswith(_TIME) and value is not None else value


def from_document(kind: type[R], document: Mapping[str, Any], epoch_ns: int) -> R:
    """The record of a document that was written of one.

    A field that the document lacks takes its default. Raises KeyError where it has none.
    """
    hints = _hints(kind)  # type: ignore[arg-type]
    record = object.__new__(kind)  # what checks a record's birth is not for one that has lived
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        hint = hints[field.name]
        if field.name in document:
            value = _read(hint, field.name, document[field.name], epoch_ns)
        elif field.name in _FORMER and _FORMER[field.name][0] in document:
            name, values = _FORMER[field.name]
            value = values.get(document[name])
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        elif field.default is not dataclasses.MISSING:
            value = field.default
        else:
            raise KeyError(f"{kind.__name__} needs {field.name}")
        object.__setattr__(record, field.name, value)
    return record


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(hint: Any, name: str, value: Any, epoch_ns: int) -> Any:
    if value is None:
        return None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (hint,) = (each for each in inner if each is not type(None))
        return _read(hint, name, value, epoch_ns)
    if hint is Layout:
        return recording_layout(**value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_document(hint, value, epoch_ns)
    if origin is tuple:
        items = inner[:1] * len(value) if inner[1:] == (...,) else inner
        return tuple(
            _read(item, "", each, epoch_ns) for item, each in zip(items, value, strict=True)
        )
    if origin in (list, Sequence):
        return [_read(inner[0], "", each, epoch_ns) for each in value]
    if origin in (dict, Mapping):
        return {key: _read(inner[1], "", each, epoch_ns) for key, each in value.items()}
    return value - epoch_ns if name.endswith(_TIME) else value
