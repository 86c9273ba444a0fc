"""The base of all models of documents: of scenarios, and of a sandbox's configuration.

* Unknown keys are refused, each with the keys that are known.
* A part may have a short form (``say: hello`` for ``say: {text: hello}``): ``spell_out``.
* A part may be written singly or as a list: ``call:`` and ``calls:``. Once built, the plural holds
  them all, whichever was written.
* A choice between kinds of part (``say``, ``play``, ...) is written as a mapping of one key.
* One mistake is one error, in our words, at the key where it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    SerializationInfo,
    ValidationInfo,
    model_validator,
)
from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    ValidationError,
    core_schema,
)

from mediasim.documents.diagnostics import (
    MISTAKE,
    UNKNOWN_KEY,
    closest,
    did_you_mean,
    message_of,
    one_of,
)
from mediasim.documents.values import NO

__all__ = [
    "CHOICES",
    "KEYED",
    "Keyed",
    "Location",
    "Many",
    "Misfit",
    "Model",
    "OneOrMany",
    "names_outcome",
]

KEYED: Final = "x-keyed"
"""Key that stands for a choice between kinds in a JSON Schema; its value is the choice's noun."""
CHOICES: Final[dict[str, Mapping[str, type[Model]]]] = {}
"""The kinds of every choice by its noun; each kind's model by its keyword."""

_NEVER: Final = ("never", "none", "ring", "no_answer")
"""Words that people write for ``no-answer``."""

T = TypeVar("T")
Location = tuple[str | int, ...]
"""Keys and list indexes that lead to a part."""
Misfit = tuple[Location, str]
"""The location of a mistake, seen from the part that reports it, and the message."""


class Model(BaseModel):
    """A part of a document: immutable, strict about its keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
    )

    keyword: ClassVar[str] = ""
    """The key under which the part is written where it is one kind of several."""
    stands_for: ClassVar[str] = ""
    """The key whose value a bare value is."""
    exactly_one: ClassVar[tuple[str, ...]] = ()
    """Keys of which exactly one must be given."""
    read_before: ClassVar[tuple[str, ...]] = ()
    """Keys beside the part's own that are read and removed before the model is built."""
    plurals: ClassVar[Mapping[str, str]] = {}
    """The plural key by its singular key, for parts that may be written either way."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        """Return the mapping that a bare value is short for. Raises ValueError if it is short for
        none."""
        if not cls.stands_for:
            known = cls.known_keys()
            raise ValueError(
                f"expected a mapping with {one_of(known)}" if known else "takes no value"
            )
        return {cls.stands_for: value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        """Return the JSON Schemas of the values that ``spell_out`` accepts, given the schemas of
        the keys."""
        return [properties[cls.stands_for]] if cls.stands_for else []

    @classmethod
    @cache
    def known_keys(cls) -> tuple[str, ...]:
        """Return the keys as they are written."""
        return tuple(
            alias if isinstance(alias := field.validation_alias, str) else name
            for name, field in cls.model_fields.items()
        )

    def settle(self, context: Any) -> None:
        """Fill in values that depend on several keys. Runs once, before ``troubles``."""

    def troubles(self) -> Iterator[Misfit]:
        """Yield the mistakes that no single key shows."""
        yield from ()

    def _fill(self, **values: object) -> None:
        """Set attributes of a part that is still being built."""
        self.__dict__.update(values)

    @model_validator(mode="wrap")
    @classmethod
    def _build(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Build the part, and collect every mistake before raising one ValidationError."""
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            data = {} if data is None else cls.spell_out(data)
        known = cls.known_keys()
        in_python = cls.model_fields if info.context is None else ()  # from_ for from, and the like
        unknown = [key for key in data if key not in known and key not in in_python]
        errors = [_unknown_key(key, (*known, *cls.read_before), data) for key in unknown]
        meant = {closest(str(key), known) for key in unknown}
        try:
            model = handler({key: value for key, value in data.items() if key not in unknown})
        except ValidationError as error:
            # A key that is missing because its name is misspelt is one mistake, not two.
            errors += [
                mistake(details["loc"], message_of(details), details["input"], details["type"])
                for details in error.errors(include_url=False)
                if not (details["type"] == "missing" and details["loc"][-1] in meant)
            ]
            raise ValidationError.from_exception_data(cls.__name__, errors) from None
        # The order matters: names and defaults are filled in for the plural, and checked after
        # that.
        model._merge_plurals()
        model.settle(info.context)
        found = [*model._count_troubles(), *model.troubles()]
        errors += [mistake(location, message, data) for location, message in found]
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return model

    def _merge_plurals(self) -> None:
        """Move a part that was written singly into its plural key."""
        for singular, plural in self.plurals.items():
            one, many = getattr(self, singular), getattr(self, plural)
            if not (one and many):
                self._fill(**{plural: one or many, singular: None})

    def _count_troubles(self) -> Iterator[Misfit]:
        """Yield a mistake for each key that is given although another excludes it."""
        for singular, plural in self.plurals.items():
            if getattr(self, singular):
                yield (singular,), f"expected {singular} or {plural}, found both"
        given = [name for name in self.exactly_one if getattr(self, name) is not None]
        if self.exactly_one and len(given) != 1:
            found = " and ".join(given) or "none"
            yield tuple(given[1:2]), f"expected exactly {one_of(self.exactly_one)}, found {found}"


def names_outcome(value: object, model: type[Model], key: str) -> bool:
    """Return whether a bare value is one of the key's words, and not a duration.

    Raises ValueError for another word, naming both.
    """
    if not isinstance(value, str) or not value[:1].isalpha():
        return False
    known: tuple[str, ...] = get_args(model.model_fields[key].annotation)
    if value not in known:
        meant = "; did you mean 'no-answer'?" if value in _NEVER else did_you_mean(value, known)
        raise ValueError(
            f"expected {one_of(known)}, or a duration such as 1.5s or 500ms after which it "
            f"answers, found {value[:40]!r}{meant}"
        )
    return True


def mistake(
    location: Iterable[str | int], message: str, value: object, kind: str = MISTAKE
) -> InitErrorDetails:
    """Return an error in our words, for pydantic to carry."""
    kind = kind if kind == UNKNOWN_KEY else MISTAKE
    return InitErrorDetails(
        type=PydanticCustomError(kind, "{message}", {"message": message}),
        loc=tuple(location),
        input=value,
    )


def _unknown_key(key: object, known: Sequence[str], data: Mapping[Any, object]) -> InitErrorDetails:
    expected = one_of(known) if known else "no keys"
    message = f"unknown key; expected {expected}{did_you_mean(str(key), known)}"
    return mistake((str(key),), message, data[key], UNKNOWN_KEY)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Annotates a list, which is kept as a tuple."""

    single: bool = False
    """Whether one item may stand without its list, and false for none."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        forms = (source, *get_args(source))
        # A list alone is the source itself; one or many is a union, of which one form is the
        # list.
        (item,) = next(get_args(form) for form in forms if get_origin(form) is Sequence)
        schema = core_schema.tuple_schema([handler.generate_schema(item)], variadic_item_index=0)
        if not self.single:
            return schema
        return core_schema.no_info_before_validator_function(self._as_list, schema)

    def _as_list(self, value: object) -> object:
        if value is None or value is False or (isinstance(value, str) and value in NO):
            return []
        return list(value) if isinstance(value, list | tuple) else [value]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        if not self.single:
            return many
        return {"anyOf": [many["items"], many, {"enum": [None, False, *NO]}]}


Many = Annotated[Sequence[T], _Listed()]
"""A list of parts."""
OneOrMany = Annotated[T | Sequence[T] | None, _Listed(single=True)]
"""One part or a list of them."""


@dataclass(slots=True, eq=False)
class Keyed:
    """Annotates a choice between models, each written as a mapping of one key, its ``keyword``.

    A kind all of whose keys have defaults may be written as its bare word.
    """

    noun: str
    """The word for one of the kinds in messages: "step"."""
    kinds: Mapping[str, type[Model]]
    """The models by keyword. The mapping is read at each use: kinds added later are known too."""

    def __post_init__(self) -> None:
        CHOICES[self.noun] = self.kinds

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dump_keyed, info_arg=True
            ),
        )

    def _read(self, value: Any, info: ValidationInfo) -> Model:
        """Return the part of the kind that a mapping of one key names."""
        kind, written = self._choose(value)
        by_name = None if info.context is None else False
        try:
            return self.kinds[kind].model_validate(written, context=info.context, by_name=by_name)
        except ValidationError as error:
            errors = [
                mistake((kind, *each["loc"]), message_of(each), each["input"], each["type"])
                for each in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(self.noun, errors) from None

    def _choose(self, value: Any) -> tuple[str, object]:
        """Return the kind, and what is written under its keyword."""
        models = self.kinds
        if isinstance(value, Model) and models.get(value.keyword) is type(value):
            return value.keyword, value
        word = ""
        if isinstance(value, str):
            word = f" {value[:40]!r}"
            value = {value: None}
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"expected a {self.noun}: {one_of(models)}")
        known = [key for key in value if key in models]
        other = [str(key) for key in value if key not in models]
        if len(known) == len(value) == 1:
            return known[0], value[known[0]]
        if len(known) > 1:
            key = known[1]
            message = f"a {self.noun} has one key, found {' and '.join(known)}; begin each with '-'"
        elif known and other[0] in models[known[0]].known_keys():
            key = other[0]
            message = f"belongs inside {known[0]}: write {known[0]}: {{..., {key}: ...}}"
        else:
            key = other[0]
            message = f"unknown {self.noun}{word}; expected {one_of(models)}"
            message += did_you_mean(key, list(models))
        raise ValidationError.from_exception_data(
            self.noun, [mistake((key,), message, value, UNKNOWN_KEY)]
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {KEYED: self.noun}


def _dump_keyed(value: Model, info: SerializationInfo) -> dict[str, object]:
    """Return a part as the mapping of one key that a document has."""
    return {
        value.keyword: value.model_dump(
            mode=info.mode,
            by_alias=info.by_alias,
            exclude_none=info.exclude_none,
            exclude_defaults=info.exclude_defaults,
        )
    }
