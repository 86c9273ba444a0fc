"""A softphone's page: the JSON messages that it sends over its WebSocket, and its calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import FarEndFormat, FarEndListener
from mediasim.media.leg import Leg, PacketSink, PacketSource

if TYPE_CHECKING:
    from mediasim.net.webrtc import WebRtcEndpoint

__all__ = [
    "AnswerMessage",
    "BrowserCall",
    "HangUpMessage",
    "HoldMessage",
    "Invite",
    "MuteMessage",
    "Page",
    "PageMessage",
    "PressMessage",
    "Register",
    "Reject",
    "UserMessage",
]

_Name = Annotated[str, Field(min_length=1, max_length=64)]
_Sdp = Annotated[str, Field(max_length=65_536)]


class _Message(BaseModel):
    """A message of a page."""

    model_config = ConfigDict(extra="forbid")


class Register(_Message):
    """Register as a client: by a token of the app's, or by a name alone."""

    type: Literal["register"]
    token: Annotated[str, Field(max_length=8192)] = ""
    identity: str = ""


class _CallMessage(_Message):
    """A message about one call."""

    call: _Name
    """The page's own name for a call it makes; the SID of one that came in."""


class Invite(_CallMessage):
    """Call a number, an address or a name."""

    type: Literal["invite"]
    to: Annotated[str, Field(max_length=255)] = ""
    params: dict[str, str] = Field(default_factory=dict, max_length=100)
    """Parameters for the application's URL."""
    sdp: _Sdp


class AnswerMessage(_CallMessage):
    """Answer a call that rings."""

    type: Literal["answer"]
    sdp: _Sdp


class Reject(_CallMessage):
    """Reject a call that rings."""

    type: Literal["reject"]


class HangUpMessage(_CallMessage):
    """Hang up."""

    type: Literal["hangup"]


class PressMessage(_CallMessage):
    """Press keys, where the browser cannot send them as telephone events."""

    type: Literal["press"]
    digits: Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,64}$")]


class HoldMessage(_CallMessage):
    """Hold or resume the call."""

    type: Literal["hold"]
    on: bool


class MuteMessage(_CallMessage):
    """Mute or unmute the microphone."""

    type: Literal["mute"]
    on: bool


class UserMessage(_CallMessage):
    """Send the app a user-defined message."""

    type: Literal["message"]
    content: Annotated[str, Field(max_length=65_536)]
    """JSON text."""
    content_type: Annotated[str, Field(max_length=255)] = "application/json"


PageMessage = (
    Register
    | Invite
    | AnswerMessage
    | Reject
    | HangUpMessage
    | PressMessage
    | HoldMessage
    | MuteMessage
    | UserMessage
)


PAGE_MESSAGE: TypeAdapter[PageMessage] = TypeAdapter(
    Annotated[PageMessage, Field(discriminator="type")]
)
"""Reads a message of a page from JSON."""


class Page(Protocol):
    """An open page, as the engine's loop knows it."""

    host: str
    """Address of this machine under which the page has reached it."""

    def send(self, kind: str, **what: Any) -> None:
        """Send a message after those before it, from any thread, without waiting."""


class BrowserCall:
    """A call of a page's: a FarEnd. Used on the engine's loop."""

    def __init__(self, page: Page, name: str, media: WebRtcEndpoint) -> None:
        self.page = page
        self.name = name
        """The page's name for the call."""
        self.media = media
        self.live: LiveCall | None = None
        """The exchange's call, once there is one."""
        self.gone = False
        """Whether the page has hung up."""
        self._listener: FarEndListener | None = None
        media.on_lost = self.hang_up

    @property
    def answered(self) -> bool:
        """Whether the call was answered."""
        return self._listener is not None

    def hang_up(self) -> None:
        """Hang up for the page."""
        self.gone = True
        if self._listener is not None:
            self._listener.hung_up()
        elif self.live is not None and self.live.record.status == "ringing":
            self.live.fail("canceled")

    def press(self, digits: str) -> None:
        """Press keys that did not come as telephone events."""
        if self._listener is not None:
            for digit in digits:
                self._listener.pressed(digit)

    def hold(self, on: bool) -> None:
        """Stop or resume the media that the page receives; the page stops its own."""
        self.media.hold(on)
        self.note("held" if on else "resumed")

    def note(self, word: str) -> None:
        """Add an action of the page's user to the call's timeline."""
        if self.live is not None and self.live.active:
            self.live.emit(word, f"{self.live.party.name}: {word}")

    # -- FarEnd -----------------------------------------------------------------------------

    @property
    def format(self) -> FarEndFormat:
        return self.media.format

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self._listener = listener
        self.page.send("answered", call=self.name)
        if self.gone:  # it hung up at the very moment at which it was answered
            asyncio.get_running_loop().call_soon(listener.hung_up)
        return self.media.connect(leg, listener)

    def report(self, packet: bytes) -> None:
        self.media.report(packet)

    def close(self) -> None:
        self.media.close()
