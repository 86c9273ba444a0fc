"""What a page says over its WebSocket, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["Answer", "Ask", "HangUp", "Hold", "Invite", "Mute", "Press", "Register", "Reject"]

_Name = Annotated[str, Field(min_length=1, max_length=64)]
_Sdp = Annotated[str, Field(max_length=65_536)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Register(_Said):
    """Be a client: by a token of the app's, or by a name alone."""

    type: Literal["register"]
    token: Annotated[str, Field(max_length=8192)] = ""
    identity: str = ""


class _OfCall(_Said):
    call: _Name
    """The page's own name for a call it makes, the SID of one that came in."""


class Invite(_OfCall):
    type: Literal["invite"]
    to: Annotated[str, Field(max_length=255)] = ""
    params: dict[str, str] = Field(default_factory=dict, max_length=100)
    """Told to the application's URL."""
    sdp: _Sdp


class Answer(_OfCall):
    type: Literal["answer"]
    sdp: _Sdp


class Reject(_OfCall):
    type: Literal["reject"]


class HangUp(_OfCall):
    type: Literal["hangup"]


class Press(_OfCall):
    """Keys, where the browser cannot send them as telephone events."""

    type: Literal["press"]
    digits: Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,64}$")]


class Hold(_OfCall):
    type: Literal["hold"]
    on: bool


class Mute(_OfCall):
    type: Literal["mute"]
    on: bool


Ask = Register | Invite | Answer | Reject | HangUp | Press | Hold | Mute
ASK: TypeAdapter[Ask] = TypeAdapter(Annotated[Ask, Field(discriminator="type")])
