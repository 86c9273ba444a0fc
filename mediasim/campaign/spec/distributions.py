"""All distributions that values of a campaign may be drawn from.

A new distribution is a class in ``shapes``, and its name in ``DISTRIBUTIONS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from mediasim.campaign.spec.distribution import Constant, Distribution, OneOf
from mediasim.campaign.spec.shapes import (
    Exponential,
    Histogram,
    Learnt,
    Lognormal,
    Normal,
    Uniform,
    Whole,
)
from mediasim.documents.model import Keyed, Model

__all__ = ["DISTRIBUTIONS", "Constant", "Distribution", "Drawn", "OneOf"]

DISTRIBUTIONS: Final[dict[str, type[Distribution]]] = {
    each.keyword: each
    for each in (Constant, OneOf, Uniform, Whole, Normal, Lognormal, Exponential, Histogram, Learnt)
}
"""The class of every distribution by its keyword."""


class _Distributions(Keyed):
    """The choice between distributions, where a plain value is always the same."""

    def _choose(self, value: Any) -> tuple[str, object]:
        if not isinstance(value, Model | Mapping) or not value:
            return Constant.keyword, {"value": value}
        kind, written = super()._choose(value)
        # The keys of a mapping of choices are choices, not keys of the model.
        whole = isinstance(written, Model) or (
            isinstance(written, Mapping) and "choices" in written
        )
        return kind, {"choices": written} if kind == OneOf.keyword and not whole else written

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        plain = [{"type": "string"}, {"type": "number"}]
        return {"anyOf": [*plain, super().__get_pydantic_json_schema__(schema, handler)]}


Drawn = Annotated[Distribution, _Distributions("distribution", DISTRIBUTIONS)]
"""A value, or a distribution from which it is drawn."""
