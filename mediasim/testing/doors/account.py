"""A sandbox without its sockets: account, telephones and REST API on one virtual clock.

It is composed of the parts of a served sandbox, on the loop and with the seeds that a scenario of
the same name has. So both draw the same noise and the same fates of packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from mediasim.exchange.events import Event
from mediasim.exchange.exchange import Exchange
from mediasim.exchange.states import CALL
from mediasim.media.plane import MediaPlane
from mediasim.parties.voices.speech import Speaker
from mediasim.sandbox.config import Config
from mediasim.sandbox.number_plan import PhoneBook, claim_numbers, place_call
from mediasim.seeds import Seeds
from mediasim.twilio.account import Account
from mediasim.twilio.ports import HttpAnswer, HttpLimits, HttpRequest, on_this_loop
from mediasim.twilio.representations import recording_document
from mediasim.twilio.resources import AccountRecord
from mediasim.twilio.rest import create_api
from mediasim.twilio.studio import Studio
from mediasim.twilio.webhooks import Webhooks

__all__ = ["AccountUnderTest", "RequestRefused"]

_AUTH_TOKEN: Final = "0" * 32
_SETTLING_NS: Final = 1_000_000
"""Time to wait after the last call, in nanoseconds, so that callbacks are emitted."""
_CALL_END_EVENTS: Final = {f"call.{status}" for status in CALL.moves if CALL.is_final(status)}
"""Kinds of events that end a call."""


class RequestRefused(Exception):
    """The API refused a request; the message has its status and Twilio's code."""


class AccountUnderTest:
    """One account, to be made and used on a virtual loop."""

    def __init__(self, config: Config, seeds: Seeds, directory: Path, plane: MediaPlane) -> None:
        self.exchange = Exchange(
            seeds, directory, document=recording_document, plane=plane, profile=config.profile
        )
        exchange = self.exchange
        speaker = Speaker()
        studio = Studio(speaker)
        self.phones = PhoneBook(config, seeds, speaker, studio)
        webhooks = Webhooks(
            _App(),
            auth_token=_AUTH_TOKEN,
            clock=lambda: exchange.now_ns,
            seeds=seeds,
            one_lane=True,
        )
        record = AccountRecord(
            sid=exchange.account_sid, auth_token=_AUTH_TOKEN, friendly_name="doors", created_ns=0
        )
        self.service = Account(
            exchange, account=record, directory=self.phones, webhooks=webhooks, studio=studio
        )
        claim_numbers(self.service, config)
        self._config = config
        self._call_ended = asyncio.Event()
        exchange.events.on("event", self._on_event)
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(create_api(self.service, on_this_loop)),
            base_url=f"http://sandbox{self.service.account_path}/",
            auth=(record.sid, _AUTH_TOKEN),
        )

    def call(self, from_: str, to: str) -> str:
        """Have a party call one of the app's numbers; return the call's SID."""
        default = self._config.default
        record = place_call(
            self.service, self.phones, to=to, from_=from_, callee=default, scripted=False
        )
        return record.sid

    async def get(self, path: str) -> dict[str, Any]:
        """Return a resource below the account. Raises RequestRefused."""
        return _json(await self._client.get(f"{path}.json"))

    async def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Create or change a resource below the account. Raises RequestRefused."""
        return _json(await self._client.post(f"{path}.json", data=dict(form)))

    async def wait_until_over(self, limit_ns: int) -> bool:
        """Wait until every call has ended, at most until a loop time; return whether all have."""
        try:
            async with asyncio.timeout_at(limit_ns / 1e9):
                while self.service.sessions:
                    await self._call_ended.wait()
                    self._call_ended.clear()
                    await self.exchange.sleep(_SETTLING_NS)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End active calls, and publish their recordings."""
        await self._client.aclose()
        await self.service.close()

    def _on_event(self, event: Event) -> None:
        if event.kind in _CALL_END_EVENTS:
            self._call_ended.set()


class _App:
    """An app that responds to each request with the end of the call.

    Requests give all other documents inline.
    """

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        return HttpAnswer(200, {"content-type": "text/xml"}, b"<Response><Hangup/></Response>")


def _json(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON of a response. Raises RequestRefused."""
    found: dict[str, Any] = response.json()
    if response.is_error:
        raise RequestRefused(f"{response.status_code}, {found.get('code')}: {found.get('message')}")
    return found
