"""Carrying out one delivery: where it goes, what is sent there, and where that leads.

Redirects of status 301, 302, 303 go on as a GET without parameters, as in browsers, one of 307
as it was; ten at most. Every address on the way is checked, and every request signed anew.
Sources: https://www.twilio.com/docs/api/errors/11215 and 11216.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final
from urllib.parse import urljoin

from mediasim.seeds import Seeds
from mediasim.twilio.ports import HttpAnswer, HttpPort
from mediasim.twilio.webhooks.address import Address, ConnectionOverrides, HostGuard
from mediasim.twilio.webhooks.attempts import Attempts
from mediasim.twilio.webhooks.cookies import Cookies
from mediasim.twilio.webhooks.delivery import AppFailure, AppResponse, Delivery
from mediasim.twilio.webhooks.outgoing import outgoing

__all__ = ["Sender"]

_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = (301, 302, 303, 307)
_NO_URL: Final = 11100
_CONNECTION: Final = 11205
_TOO_MANY_REDIRECTS: Final = 11215
_INVALID_REDIRECT: Final = 11216
_INVALID_POLICY: Final = 11243


class Sender:
    """Sends deliveries for one account."""

    def __init__(
        self,
        http: HttpPort,
        *,
        auth_token: str,
        clock: Callable[[], int],
        guard: HostGuard,
        seeds: Seeds,
    ) -> None:
        self._http = http
        self._auth_token = auth_token
        self._clock = clock
        self._guard = guard
        self._seeds = seeds
        self._cookies = Cookies(clock)

    async def send(self, delivery: Delivery, *, lost_answer: int | None = None) -> AppResponse:
        """Deliver it, entering each attempt. Raises AppFailure once it is given up.

        ``lost_answer``: the status that comes in the stead of the app's first answer.
        """
        method = "GET" if delivery.method.upper() == "GET" else "POST"
        address, params = self._address(delivery.url, delivery), delivery.params
        try:
            overrides = ConnectionOverrides.parse(address.fragment)
        except ValueError as error:
            raise AppFailure(_INVALID_POLICY, str(error), delivery) from None
        attempts = Attempts(self._http, self._clock, overrides, delivery, lost_answer=lost_answer)
        token = self._token(delivery)
        for _ in range(1 + _MOST_REDIRECTS):
            request = outgoing(
                address,
                method,
                params,
                auth_token=self._auth_token,
                idempotency_token=token,
                cookie=self._cookies.header(delivery.sid, address),
            )
            answer = await attempts.until_answered(request)
            self._cookies.keep(delivery.sid, address, answer.headers.get("set-cookie", ""))
            if answer.status < 300:
                return AppResponse(
                    address.base, answer.status, answer.headers, answer.body, delivery
                )
            if answer.status != 307 or method == "GET":
                method, params = "GET", ()
            address = self._redirected(request.url, answer, delivery)
        raise AppFailure(
            _TOO_MANY_REDIRECTS,
            f"HTTP too many redirects: {delivery.url} led to more than {_MOST_REDIRECTS}",
            delivery,
        )

    def _address(self, url: str, delivery: Delivery) -> Address:
        """Where to send it, if it may be sent there."""
        try:
            address = Address.parse(url)
        except ValueError as error:
            raise AppFailure(_NO_URL, f"Invalid URL format: {url!r}: {error}", delivery) from None
        if (refusal := self._guard.refusal(address.host)) is not None:
            raise AppFailure(_CONNECTION, f"HTTP connection failure: {refusal}", delivery)
        return address

    def _redirected(self, url: str, answer: HttpAnswer, delivery: Delivery) -> Address:
        location = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not location:
            lacks = "" if location else " without a Location"
            raise AppFailure(
                _INVALID_REDIRECT,
                f"HTTP invalid redirect: status {answer.status}{lacks} from {url}; "
                f"followed are {', '.join(map(str, _REDIRECTS))}",
                delivery,
            )
        try:
            target = urljoin(url, location)
        except ValueError as error:
            raise AppFailure(
                _INVALID_REDIRECT, f"HTTP invalid redirect: {location!r}: {error}", delivery
            ) from None
        return self._address(target, delivery)

    def _token(self, delivery: Delivery) -> str:
        """The same for every attempt at one delivery, and its duplicates; formed as a UUID."""
        meant = delivery.duplicate_of or delivery.id
        digits = self._seeds.digest(f"idempotency/{meant}").hex()
        cuts = (0, 8, 12, 16, 20, 32)
        return "-".join(digits[start:end] for start, end in pairwise(cuts))
