"""A softphone: the messages that it sends over its WebSocket, and its calls.

It is the sandbox's own page, or an app's with Twilio's browser SDK: each has a wire of its own
(:mod:`routes`, :mod:`sdk`), and both have these messages and one manager.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mediasim.exchange.live_call import LiveCall
from mediasim.media.far_end import Ends, FarEndFormat, FarEndListener
from mediasim.media.leg import Leg
from mediasim.rtp.packets import PacketBlock

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
    "Rejoin",
    "Restart",
    "Ring",
    "UserMessage",
    "new_media",
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
    rings: bool = True
    """Whether it is to ring at once; else a ``ring`` says when."""


class Ring(_Message):
    """Ring for calls from now on, or no longer."""

    type: Literal["ring"]
    on: bool = True


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


class Restart(_CallMessage):
    """Look for another path of a call's media (ICE restart)."""

    type: Literal["restart"]
    sdp: _Sdp


class Rejoin(_CallMessage):
    """Take up a call whose WebSocket was lost, by the secret that came with its answer."""

    type: Literal["rejoin"]
    secret: Annotated[str, Field(max_length=255)]
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
    words: Annotated[str, Field(max_length=1024)] = ""
    """Why, if it was not the user's wish."""


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
    id: Annotated[str, Field(max_length=64)] = ""
    """The page's own SID of the message, if it is to be told that it was received."""


PageMessage = (
    Register
    | Ring
    | Invite
    | Restart
    | Rejoin
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
    offered: bool
    """Whether it is rung with an offer of media, and not the one to offer."""

    def send(self, kind: str, **what: Any) -> None:
        """Send a message after those before it, from any thread, without waiting."""


def new_media(page: Page) -> WebRtcEndpoint:
    """Return media of a page that are not agreed on yet."""
    from mediasim.net.webrtc import WebRtcEndpoint  # loaded when a page opens

    return WebRtcEndpoint(page.host)


class BrowserCall:
    """A call of a page's: a FarEnd. Used on the engine's loop."""

    def __init__(self, page: Page, name: str, media: WebRtcEndpoint, secret: str) -> None:
        self.page = page
        self.name = name
        """The page's name for the call."""
        self.media = media
        self.live: LiveCall | None = None
        """The exchange's call, once there is one."""
        self.gone = False
        """Whether the page has hung up."""
        self.secret = secret
        """By what the page takes the call up again after its WebSocket was lost."""
        self.answered = False
        self._leg: Leg | None = None
        self._listener: FarEndListener | None = None
        media.on_lost = self.hang_up

    @property
    def sid(self) -> str | None:
        """The SID of the exchange's call, once there is one."""
        return None if self.live is None else self.live.sid

    def replace_media(self, media: WebRtcEndpoint) -> None:
        """Go on with the media of another page, or of the same loaded anew."""
        before, self.media = self.media, media
        media.on_lost = self.hang_up
        if self._leg is not None and self._listener is not None:
            media.connect(self._leg, self._listener)
            self._listener.reformatted()
        before.on_lost = None
        before.close()

    def hang_up(self) -> None:
        """Hang up for the page."""
        self.gone = True
        if self.answered and self._listener is not None:
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

    def connect_early(self, leg: Leg, listener: FarEndListener) -> Ends | None:
        """Let a page that called hear its leg before it is answered."""
        self._leg, self._listener = leg, listener
        self.media.connect(leg, listener)
        return self, self

    def connect(self, leg: Leg, listener: FarEndListener) -> Ends:
        self.connect_early(leg, listener)
        self.answered = True
        self.page.send("answered", call=self.name, sid=self.sid, secret=self.secret)
        if self.gone:  # it hung up at the very moment at which it was answered
            asyncio.get_running_loop().call_soon(listener.hung_up)
        return self, self

    def pull(self, before_ns: int) -> PacketBlock | None:
        return self.media.pull(before_ns)

    def push(self, first_frame: int, packets: list[NDArray[np.uint8]]) -> None:
        self.media.push(first_frame, packets)

    def report(self, packet: bytes) -> None:
        self.media.report(packet)

    def close(self) -> None:
        self.media.close()
