"""The JSON Schema of a document's model, for editors.

It accepts what the model accepts, the short forms too, as an editor sees it: YAML 1.2, where
``0123`` is a number and ``no`` is a text. What needs more than one value to judge (names of
parties, order of times) is the loader's alone. Descriptions are the docstrings of the model.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel

from mediasim.documents.model import CHOICES, KEYED, Model
from mediasim.documents.values import SHARED

__all__ = ["body_schema", "file_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def file_schema(root: type[Model], title: str) -> dict[str, Any]:
    """Return the schema of a file that holds one instance of a model."""
    definitions: dict[str, Any] = {}
    schema = _pydantic_schema(root, definitions)
    choices: dict[str, Any] = {}
    # Until no choice is new: the kinds of a choice have choices of their own, as repeat has
    # steps.
    while new := _nouns((schema, definitions)) - choices.keys():
        for noun in new:
            choices[noun] = {"anyOf": [_one_key(*kind) for kind in CHOICES[noun].items()]}
            for model in CHOICES[noun].values():
                definitions[model.__name__] = _pydantic_schema(model, definitions)
    for model in _models(Model):
        if model is not root and model.__name__ in definitions:
            definitions[model.__name__] = _written(model, definitions[model.__name__])
    schema = _described(root, schema)
    for choice in choices.values():
        _add_bare_words(choice, definitions)
    shared: dict[str, Any] = {}
    body: dict[str, Any] = _tidy({**schema, "$defs": _sorted(definitions)}, shared)
    body["$defs"] |= _sorted(shared | _tidy(choices, shared))
    return {"$schema": _DIALECT, "title": title, **body}


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of the JSON that holds one instance of a model, with its definitions."""
    if issubclass(model, Model):
        schema = file_schema(model, model.__name__)
        del schema["$schema"], schema["title"]
        return schema
    schema, shared = model.model_json_schema(), dict[str, Any]()
    for key, text in _docstrings(model).items():
        schema["properties"][key] = {**schema["properties"][key], "description": text}
    body: dict[str, Any] = _tidy(schema, shared)
    return {**body, "$defs": {**body.get("$defs", {}), **_sorted(shared)}}


def _sorted(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return definitions in the order of their names."""
    return {name: definitions[name] for name in sorted(definitions)}


def _pydantic_schema(model: type[Model], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a model's schema as pydantic makes it, its parts moved to the definitions."""
    schema = model.model_json_schema()
    definitions.update(schema.pop("$defs", {}))
    return schema


def _nouns(value: object) -> set[str]:
    """Return the nouns of the choices that a schema refers to."""
    if isinstance(value, dict):
        return {value[KEYED]} if KEYED in value else _nouns(list(value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(_nouns, value))
    return set()


def _one_key(kind: str, model: type[Model]) -> dict[str, Any]:
    """Return the schema of a mapping whose one key is the keyword of a kind."""
    return {
        "additionalProperties": False,
        "properties": {kind: {"$ref": f"#/$defs/{model.__name__}"}},
        "required": [kind],
        "type": "object",
    }


def _models(model: type[Model]) -> Iterator[type[Model]]:
    """Yield all subclasses of a model."""
    for child in model.__subclasses__():
        yield child
        yield from _models(child)


def _described(model: type[Model], schema: dict[str, Any]) -> dict[str, Any]:
    """Add the descriptions of keys, and the rule of ``exactly_one``, to the schema of a model."""
    properties = schema.get("properties", {})
    for key, text in _docstrings(model).items():
        if key in properties:
            properties[key] = {**properties[key], "description": text}
    if model.exactly_one:
        schema["oneOf"] = [{"required": [key]} for key in model.exactly_one]
    return schema


def _written(model: type[Model], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model in all the ways it may be written."""
    schema = _described(model, schema)
    forms = model.short_forms(schema.get("properties", {}))
    if not schema.get("required") and not model.exactly_one:
        forms.append({"type": "null"})
    if not forms:
        return schema
    description = schema.pop("description", "")
    return {"description": description, "anyOf": [*forms, schema]}


def _add_bare_words(choice: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Let a kind whose keys may all be absent be written as its bare keyword."""
    bare = [
        kind
        for branch in choice["anyOf"]
        for kind, value in branch["properties"].items()
        if {"type": "null"} in definitions[value["$ref"].rpartition("/")[2]].get("anyOf", ())
    ]
    if bare:
        choice["anyOf"].append({"enum": bare})


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each attribute, by the key it is written with."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            found |= _attributes(owner.__module__).get(owner.__name__, {})
    keys = {
        name: alias if isinstance(alias := field.validation_alias, str) else name
        for name, field in model.model_fields.items()
    }
    return {keys[name]: text for name, text in found.items() if name in keys}


@cache
def _attributes(module: str) -> dict[str, dict[str, str]]:
    """Return the docstrings under the attributes of each class of a module."""
    classes: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            classes[node.name] = {
                line.target.id: " ".join(str(after.value.value).split())
                for line, after in pairwise(node.body)
                if isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            }
    return classes


def _tidy(schema: Any, shared: dict[str, Any]) -> Any:
    """Remove empty defaults and generated titles, and replace shared schemas by references.

    The shared ones are added to ``shared`` as they are met.
    """
    if isinstance(schema, list):
        return [_tidy(item, shared) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if KEYED in schema:
        return {"$ref": f"#/$defs/{schema[KEYED]}"}
    if SHARED in schema:
        name = schema[SHARED]
        kept = {key: schema[key] for key in ("description", "default") if key in schema}
        own = (SHARED, "title", *kept)
        shared[name] = {key: value for key, value in schema.items() if key not in own}
        return {"$ref": f"#/$defs/{name}", **kept}
    return {
        key: _tidy(value, shared)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value in (None, "", []))
    }
