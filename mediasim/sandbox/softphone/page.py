"""A softphone's page: what it says over its WebSocket, as JSON, and its calls with their media."""

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
]

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


class AnswerMessage(_OfCall):
    type: Literal["answer"]
    sdp: _Sdp


class Reject(_OfCall):
    type: Literal["reject"]


class HangUpMessage(_OfCall):
    type: Literal["hangup"]


class PressMessage(_OfCall):
    """Keys, where the browser cannot send them as telephone events."""

    type: Literal["press"]
    digits: Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,64}$")]


class HoldMessage(_OfCall):
    type: Literal["hold"]
    on: bool


class MuteMessage(_OfCall):
    type: Literal["mute"]
    on: bool


PageMessage = (
    Register
    | Invite
    | AnswerMessage
    | Reject
    | HangUpMessage
    | PressMessage
    | HoldMessage
    | MuteMessage
)


ASK: TypeAdapter[PageMessage] = TypeAdapter(Annotated[PageMessage, Field(discriminator="type")])


class Page(Protocol):
    """An open page, as the engine's loop knows it."""

    host: str
    """The address at which it has found us."""

    def tell(self, kind: str, **what: Any) -> None:
        """Send it a message, after those before it. Never waits."""


class BrowserCall:
    """A FarEnd. Used on the engine's loop."""

    def __init__(self, page: Page, name: str, media: WebRtcEndpoint) -> None:
        self.page = page
        self.name = name
        """What the page calls it."""
        self.media = media
        self.live: LiveCall | None = None
        """The call it is, once there is one."""
        self.gone = False
        """The page has hung up."""
        self._listener: FarEndListener | None = None
        media.on_lost = self.hang_up

    @property
    def answered(self) -> bool:
        return self._listener is not None

    def hang_up(self) -> None:
        """The page does not want it any longer."""
        self.gone = True
        if self._listener is not None:
            self._listener.hung_up()
        elif self.live is not None and self.live.record.status == "ringing":
            self.live.fail("canceled")

    def press(self, digits: str) -> None:
        """Keys that did not come as telephone events."""
        if self._listener is not None:
            for digit in digits:
                self._listener.pressed(digit)

    def hold(self, on: bool) -> None:
        """The page wants to hear nothing; what it says is its own to stop."""
        self.media.hold(on)
        self.note("held" if on else "resumed")

    def note(self, word: str) -> None:
        """What its person has done, for the call's timeline."""
        if self.live is not None and self.live.active:
            self.live.emit(word, f"{self.live.party.name}: {word}")

    # -- FarEnd -----------------------------------------------------------------------------

    @property
    def format(self) -> FarEndFormat:
        return self.media.format

    def connect(self, leg: Leg, listener: FarEndListener) -> tuple[PacketSource, PacketSink]:
        self._listener = listener
        self.page.tell("answered", call=self.name)
        if self.gone:  # it hung up at the very moment at which it was answered
            asyncio.get_running_loop().call_soon(listener.hung_up)
        return self.media.connect(leg, listener)

    def report(self, packet: bytes) -> None:
        self.media.report(packet)

    def close(self) -> None:
        self.media.close()
