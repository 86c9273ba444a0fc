"""The model of an app under test: at the other end of a call, or in a party's place."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo

from mediasim.documents.diagnostics import did_you_mean, one_of
from mediasim.documents.durations import Duration
from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Name, Text, existing_file

__all__ = ["App"]


def _bot(value: str, info: ValidationInfo) -> str:
    """Check a command; a Python file in it must exist."""
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise ValueError(f"expected a Python file or a command: {error}") from None
    if words and words[0].endswith(".py"):
        existing_file(Path(words[0]), info)
    return value


def _url(value: str) -> str:
    """Check that a URL is a WebSocket's on this machine."""
    if not value.startswith(("ws://", "wss://")):
        raise ValueError(f"expected a URL that begins with ws:// or wss://, found {value[:40]!r}")
    from mediasim.twilio.webhooks import HostGuard

    host = urlsplit(value).hostname or ""
    if HostGuard().refusal(host) is not None:
        raise ValueError(
            "expected an app on this machine (localhost, 127.0.0.1 or [::1]; one elsewhere can be "
            f"reached through a tunnel's local end), found {host or value[:40]!r}"
        )
    return value


class App(Model):
    """An app that a call is connected to, as ``<Connect><Stream>`` does, or as
    ``<Connect><ConversationRelay>`` with ``relay``. A bare text is its ``url``, or else its
    ``bot``.

    When it closes the WebSocket, the call is over.
    """

    exactly_one: ClassVar[tuple[str, ...]] = ("url", "bot")

    url: Annotated[Text, AfterValidator(_url)] | None = None
    """The URL at which the app listens: ws://127.0.0.1:5001/."""
    bot: Annotated[Text, AfterValidator(_bot)] | None = None
    """A Python file, or a command, that is started for the run in the scenario's folder. It
    listens on 127.0.0.1 at the port that the environment's PORT names."""
    parameters: Mapping[Name, Text] = Field(default_factory=dict)
    """Custom parameters, sent to the app in its first message as customParameters."""
    relay: Mapping[Name, Text] | None = None
    """The app is sent words, and its words are spoken: attributes of ConversationRelay as TwiML has
    them, {} for none."""
    grace: Duration = Duration(0)
    """How long by the wall clock each frame waits in virtual time, for an app that acts by its own
    timers."""

    @classmethod
    def spell_out(cls, value: object) -> Mapping[str, object]:
        is_url = isinstance(value, str) and "://" in value
        return {"url" if is_url else "bot": value}

    @classmethod
    def short_forms(cls, properties: Mapping[str, Any]) -> list[Any]:
        return [{"type": "string"}]

    def troubles(self) -> Iterator[Misfit]:
        yield from self._relay_troubles()
        if self.grace > Duration.of("1s"):
            yield ("grace",), "expected at most 1s: it is waited for after every 20 ms"

    def _relay_troubles(self) -> Iterator[Misfit]:
        if self.relay is None:
            return
        from mediasim.twilio.relay.attributes import ATTRIBUTES, relay_request

        known = [name for name in ATTRIBUTES if name != "url"]
        for name in self.relay:
            if name not in known:
                words = f"expected {one_of(known)}, found {name}{did_you_mean(name, known)}"
                yield ("relay", name), words
        for words in relay_request(self.relay)[1]:
            yield ("relay",), words
