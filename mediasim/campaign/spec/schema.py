"""The JSON Schema of campaigns: the scenario's own, in which every value may be drawn."""

from __future__ import annotations

from typing import Any, Final

from mediasim.campaign.spec.model import CampaignSpec
from mediasim.documents.schema import file_schema
from mediasim.scenario.model.load import scenario_schema

__all__ = ["campaign_schema"]

_TEMPLATE: Final = "x-template"
_UNDRAWN: Final = ("name", "seed", "expect", "matrix", "description")
"""Keys of a scenario that no call of a campaign has for itself."""


def campaign_schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign's file, for editors."""
    schema = file_schema(CampaignSpec, "mediasim campaign")
    scenario = scenario_schema()
    drawn = {f"drawn-{name}": _drawable(each) for name, each in scenario["$defs"].items()}
    body = {key: scenario[key] for key in ("properties", "type", "required") if key in scenario}
    body["properties"] = {
        key: each for key, each in body["properties"].items() if key not in _UNDRAWN
    }
    drawn["drawn-scenario"] = _drawable(body | {"additionalProperties": False})
    drawn["draw"] = {
        "description": "A value that is drawn for each call.",
        "type": "object",
        "additionalProperties": False,
        "required": ["draw"],
        "properties": {
            "draw": {"$ref": "#/$defs/distribution"},
            "as": {
                "description": "The label under which it is drawn; draws of one label are the same."
                " Default: its place.",
                "type": "string",
            },
        },
    }
    schema["$defs"] = dict(sorted({**schema["$defs"], **drawn}.items()))
    found: dict[str, Any] = _placed(schema)
    return found


_KINDS: Final = {
    "scenario": "drawn-scenario",
    "party": "drawn-PartySpec",
    "recording": "drawn-ConferenceRecording",
}
"""The definition of each kind of template."""


def _placed(schema: Any) -> Any:
    """Return a schema with each template replaced by a reference to its definition."""
    if isinstance(schema, list):
        return [_placed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if _TEMPLATE in schema:
        kept = {"description": schema["description"]} if "description" in schema else {}
        whole = {"$ref": f"#/$defs/{_KINDS[schema[_TEMPLATE]]}"}
        return {**kept, "anyOf": [whole, {"$ref": "#/$defs/draw"}]}
    return {key: _placed(each) for key, each in schema.items()}


def _drawable(schema: Any) -> Any:
    """Return a schema in which the value of every key, and every item, may be drawn."""
    if isinstance(schema, list):
        return [_drawable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, each in schema.items():
        if key == "properties" or key == "patternProperties":
            found[key] = {name: _or_drawn(value) for name, value in each.items()}
        elif key in ("items", "additionalProperties") and isinstance(each, dict):
            found[key] = _or_drawn(each)
        elif key == "$ref":
            found[key] = each.replace("#/$defs/", "#/$defs/drawn-")
        elif key in ("enum", "const", "default", "examples", "required"):
            found[key] = each
        else:
            found[key] = _drawable(each)
    return found


def _or_drawn(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may be drawn instead."""
    kept = {"description": schema["description"]} if "description" in schema else {}
    plain = {key: each for key, each in schema.items() if key != "description"}
    return {**kept, "anyOf": [_drawable(plain), {"$ref": "#/$defs/draw"}]}
