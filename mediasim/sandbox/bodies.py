"""The JSON bodies of the control API's requests."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.requests import Request

__all__ = ["Body", "body_of", "data_of"]

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """The JSON body of a request."""

    model_config = ConfigDict(extra="forbid")


async def body_of(request: Request, model: type[B]) -> B:
    """Return a request's body as a model. Raises ValidationError."""
    return model.model_validate_json(await _json_of(request))


async def data_of(request: Request) -> dict[str, Any]:
    """Return a request's body as data, for models of config files. Raises ValidationError."""
    return TypeAdapter(dict[str, Any]).validate_json(await _json_of(request))


async def _json_of(request: Request) -> bytes:
    return await request.body() or b"{}"
