"""A call in the sandbox of a test, and actions of its party."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from mediasim.exchange.events import UserMessageEvent
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord
from mediasim.testing.calls import TestedCall
from mediasim.testing.conversation import CallRelay, CallStream
from mediasim.testing.recording import Recording
from mediasim.twilio.account import Account

__all__ = ["CallSandbox", "PlacedCall"]

T = TypeVar("T")
S = TypeVar("S", bound=CallStream)


class CallSandbox(Protocol):
    """The part of :class:`mediasim.testing.sandbox.MediasimSandbox` that a call uses."""

    answered_calls: dict[str, LiveCall]

    def recordings_of(self, call_sid: str | None = None) -> list[Recording]: ...
    def streams_of(self, call_sid: str | None = None) -> list[CallStream]: ...
    def relays_of(self, call_sid: str | None = None) -> list[CallRelay]: ...
    @property
    def service(self) -> Account: ...
    def act(self, call_sid: str, script: Any) -> None: ...
    def on_engine(self, work: Callable[[], T]) -> T:
        """Run a function on the engine's loop, and return its result."""


class PlacedCall(TestedCall):
    """A call in the sandbox, and actions of its party."""

    def __init__(self, sandbox: CallSandbox, record: CallRecord) -> None:
        self._sandbox = sandbox
        self.record = record

    @property
    def recordings(self) -> list[Recording]:
        """The call's recordings, oldest first."""
        return self._sandbox.recordings_of(self.sid)

    @property
    def streams(self) -> list[CallStream]:
        """The call's media streams, oldest first."""
        return self._sandbox.streams_of(self.sid)

    @property
    def stream(self) -> CallStream:
        """The call's only media stream. Raises LookupError unless there is exactly one."""
        return self._only(self.streams, "stream")

    @property
    def relays(self) -> list[CallRelay]:
        """The call's relays (ConversationRelay), oldest first."""
        return self._sandbox.relays_of(self.sid)

    @property
    def relay(self) -> CallRelay:
        """The call's only relay. Raises LookupError unless there is exactly one."""
        return self._only(self.relays, "relay")

    def _only(self, found: list[S], kind: str) -> S:
        if len(found) != 1:
            known = ", ".join(each.name for each in found) or "none"
            raise LookupError(f"call {self.sid} has not one {kind}; there are: {known}")
        return found[0]

    def act(self, *steps: Any) -> None:
        """Perform steps of a script from now on, as time passes."""
        self._sandbox.act(self.sid, steps)

    def say(self, text: str) -> None:
        """Speak a text."""
        self.act({"say": text})

    def press(self, digits: str) -> None:
        """Press keys."""
        self.act({"dtmf": digits})

    def send_message(self, content: Any) -> None:
        """Send the app a user-defined message: JSON text, or what becomes JSON."""
        self.act(
            {
                "message": {
                    "content": json.dumps(content) if not isinstance(content, str) else content
                }
            }
        )

    @property
    def user_messages(self) -> list[Any]:
        """The user-defined messages that the party has received of the app, as data."""
        sandbox, sid = self._sandbox, self.sid

        def received() -> list[Any]:
            return [
                json.loads(event.content)
                for event in sandbox.service.exchange.events.log
                if isinstance(event, UserMessageEvent)
                and (event.kind, event.call_sid) == ("user-message.received", sid)
            ]

        return sandbox.on_engine(received)

    def hang_up(self) -> None:
        """Hang up."""
        self.act("hangup")

    def _words(self, find: Callable[[LiveCall, Iterable[LiveCall]], str]) -> str:
        sandbox, calls = self._sandbox, self._sandbox.answered_calls
        own = calls.get(self.sid)
        return "" if own is None else sandbox.on_engine(lambda: find(own, tuple(calls.values())))
