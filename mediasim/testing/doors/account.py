"""A sandbox without its sockets: the account, its telephones and its REST API on one virtual clock.

Put together of the parts that a served sandbox is made of, on the loop and with the seeds that a
scenario of the same name has. So both draw the same noise and the same weather.
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

_TOKEN: Final = "0" * 32
_MOMENT_NS: Final = 1_000_000
_ENDS: Final = {f"call.{status}" for status in CALL.moves if CALL.is_final(status)}
"""Events that end a call."""


class RequestRefused(Exception):
    """The API refused a request; holds its status and Twilio's code."""


class AccountUnderTest:
    """One account; to be made and used on a virtual loop."""

    def __init__(self, config: Config, seeds: Seeds, directory: Path, plane: MediaPlane) -> None:
        self.exchange = Exchange(
            seeds, directory, document=recording_document, plane=plane, profile=config.profile
        )
        exchange = self.exchange
        speaker = Speaker()
        studio = Studio(speaker)
        self.phones = PhoneBook(config, seeds, speaker, studio)
        webhooks = Webhooks(
            _App(), auth_token=_TOKEN, clock=lambda: exchange.now_ns, seeds=seeds, one_lane=True
        )
        record = AccountRecord(
            sid=exchange.account_sid, auth_token=_TOKEN, friendly_name="doors", created_ns=0
        )
        self.service = Account(
            exchange, account=record, directory=self.phones, webhooks=webhooks, studio=studio
        )
        claim_numbers(self.service, config)
        self._config = config
        self._over = asyncio.Event()
        exchange.events.on("event", self._follow)
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(create_api(self.service, on_this_loop)),
            base_url=f"http://sandbox{self.service.account_path}/",
            auth=(record.sid, _TOKEN),
        )

    def call(self, from_: str, to: str) -> str:
        """A party calls one of the app's numbers; returns the call's SID."""
        default = self._config.default
        record = place_call(
            self.service, self.phones, to=to, from_=from_, callee=default, scripted=False
        )
        return record.sid

    async def get(self, path: str) -> dict[str, Any]:
        """A resource below the account. Raises Refused."""
        return _checked(await self._client.get(f"{path}.json"))

    async def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """A request that makes or changes something. Raises Refused."""
        return _checked(await self._client.post(f"{path}.json", data=dict(form)))

    async def over(self, limit_ns: int) -> bool:
        """Wait until every call has ended, at most until a loop time; returns whether all have."""
        try:
            async with asyncio.timeout_at(limit_ns / 1e9):
                while self.service.sessions:
                    await self._over.wait()
                    self._over.clear()
                    await self.exchange.sleep(_MOMENT_NS)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End what goes on, and publish what was recorded."""
        await self._client.aclose()
        await self.service.close()

    def _follow(self, event: Event) -> None:
        if event.kind in _ENDS:
            self._over.set()


class _App:
    """What it is asked for is always the end; all other documents come with what asks for them."""

    async def send(self, request: HttpRequest, limits: HttpLimits) -> HttpAnswer:
        return HttpAnswer(200, {"content-type": "text/xml"}, b"<Response><Hangup/></Response>")


def _checked(response: httpx2.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    if response.is_error:
        raise RequestRefused(f"{response.status_code}, {found.get('code')}: {found.get('message')}")
    return found
