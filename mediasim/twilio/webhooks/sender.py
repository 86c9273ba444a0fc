"""Sending of deliveries: signed requests, retries and redirects.

Redirects of status 301, 302, 303 go on as a GET without parameters, as in browsers, one of 307
as it was; ten at most. Every address on the way is checked, and every request signed anew.
Sources: https://www.twilio.com/docs/api/errors/11215 and 11216.

Time-outs and retries are those of the connection overrides; the default is one retry if there was
no connection. Twilio's pages name no wait between attempts, so there is none. The time that a
request takes is the loop's; where the loop's clock was held meanwhile, a time-out still counts in
full.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.seeds import Seeds
from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpPort, HttpRequest
from mediasim.twilio.webhooks.address import (
    ConnectionOverrides,
    Failure,
    HostGuard,
    WebhookUrl,
    body_signed_url,
    signature,
)
from mediasim.twilio.webhooks.delivery import AppFailure, AppResponse, Attempt, Delivery
from mediasim.twilio.webhooks.oddities import SignedRequest, with_oddities

if TYPE_CHECKING:
    from mediasim.twilio.webhooks.cookies import Cookies

__all__ = ["Sender"]

_USER_AGENT: Final = "TwilioProxy/1.1"
_FORM: Final = "application/x-www-form-urlencoded; charset=UTF-8"
_JSON: Final = "application/json"
_MOST_BYTES: Final = 40 * 1024 * 1024
"""Most bytes of a response: the largest file that Twilio plays."""
_HTTP: Final = 11200
_CONNECTION: Final = 11205
_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = (301, 302, 303, 307)
_NO_URL: Final = 11100
_TOO_MANY_REDIRECTS: Final = 11215
_INVALID_REDIRECT: Final = 11216
_INVALID_POLICY: Final = 11243


def _outgoing(
    address: WebhookUrl,
    method: str,
    params: tuple[tuple[str, str], ...],
    *,
    auth_token: str | None,
    idempotency_token: str,
    cookie: str | None,
    json_body: str | None,
    oddities: Collection[str] = (),
) -> tuple[HttpRequest, list[str]]:
    """Return the request to an address, signed with the account's token unless that is None, and
    what is odd of it.

    ``json_body`` is the body of a POST in place of the parameters' form.
    """
    posted = method == "POST"
    url = address.url() if posted else address.url(query=urlencode(params))
    form = params if posted else ()
    if posted and json_body is not None:
        form = ()
        url = url if auth_token is None else body_signed_url(url, json_body.encode())
    meant, odd = with_oddities(
        SignedRequest(url, form, url, form, auth_token or "", posted=posted),
        () if auth_token is None else oddities,
    )
    headers = {
        "Accept": "*/*",
        "User-Agent": _USER_AGENT,
        "I-Twilio-Idempotency-Token": idempotency_token,
    }
    if auth_token is not None:
        headers["X-Twilio-Signature"] = signature(
            meant.token, meant.signed_url, meant.signed_params
        )
    if posted:
        headers["Content-Type"] = _FORM if json_body is None else _JSON
    if address.authorization is not None:
        headers["Authorization"] = address.authorization
    if cookie is not None:
        headers["Cookie"] = cookie
    body = b""
    if posted:
        body = (urlencode(meant.params) if json_body is None else json_body).encode()
    return HttpRequest(method, meant.url, headers, body), odd


def _json_of(delivery: Delivery) -> str:
    """Return the body of a delivery that is JSON: its document, or its parameters."""
    return json.dumps(dict(delivery.params)) if delivery.document is None else delivery.document


class _AttemptFailed(AppFailure):
    def __init__(
        self,
        kind: Failure,
        code: int,
        message: str,
        delivery: Delivery,
        *,
        injected: bool = False,
    ) -> None:
        super().__init__(code, message, delivery)
        self.kind = kind
        self.injected = injected
        """Whether the failure was injected; such a failure is retried with any overrides."""


class _Attempts:
    """Sends the attempts of a delivery, with one budget of time and retries for all redirects."""

    def __init__(
        self,
        http: HttpPort,
        clock: Callable[[], int],
        overrides: ConnectionOverrides,
        delivery: Delivery,
        *,
        lost_answer: int | None = None,
    ) -> None:
        """Start with the full budget; ``lost_answer`` replaces the app's first response."""
        self._http = http
        self._clock = clock
        self._overrides = overrides
        self._delivery = delivery
        self._retries = overrides.retries
        self._seconds = overrides.total_seconds
        self._lost_answer = lost_answer

    async def until_answered(self, request: HttpRequest) -> HttpAnswer:
        """Return a response that is no error, after retries. Raises AppFailure if there is none."""
        while True:
            try:
                return await self._once(request)
            except _AttemptFailed as failed:
                worth = self._overrides.retry(failed.kind) or failed.injected
                if failed.injected:
                    self._retries = max(self._retries, 1)
                if not worth or self._retries == 0 or self._seconds <= 0:
                    raise
                self._retries -= 1

    async def _once(self, request: HttpRequest) -> HttpAnswer:
        if self._seconds <= 0:
            raise self._failed("rt", _CONNECTION, "the time for all redirects is over", request)
        connect = min(self._overrides.connect_seconds, self._seconds)
        total = min(connect + self._overrides.read_seconds, self._seconds)
        sent_ns, waited = self._clock(), 0.0
        body = request.body.decode()
        if self._delivery.secret and body:
            body = _json_of(self._delivery)
        attempt = Attempt(request.url, request.method, dict(request.headers), body, sent_ns)
        self._delivery.attempts.append(attempt)
        try:
            answer = await self._http.send(request, HttpLimits(connect, total, _MOST_BYTES))
        except HttpFailed as failed:
            attempt.error, attempt.took_ms = str(failed), failed.took_ms
            if failed.timed_out:
                waited = connect if failed.refused else total
            unreached = failed.refused or failed.timed_out
            raise self._failed(
                "ct" if failed.refused else "rt",
                _CONNECTION if unreached else _HTTP,
                str(failed),
                request,
            ) from None
        finally:
            attempt.answered_ns = self._clock()
            # A virtual clock stands still during a request, so a time-out counts by its limit.
            self._seconds -= max(waited, (attempt.answered_ns - sent_ns) / NS_PER_SECOND)
        attempt.took_ms = answer.took_ms
        lost, self._lost_answer = self._lost_answer, None
        if lost is not None:
            attempt.injected = f"the app's answer, {answer.status}, was lost"
            answer = HttpAnswer(lost, {}, b"")
        attempt.answered(answer.status, answer.headers, answer.body)
        if answer.status >= 400:
            attempt.error = f"Got HTTP {answer.status} response to {request.url}"
            kind: Failure = "4xx" if answer.status < 500 else "5xx"
            injected = lost is not None
            raise _AttemptFailed(kind, _HTTP, attempt.error, self._delivery, injected=injected)
        return answer

    def _failed(self, kind: Failure, code: int, why: str, request: HttpRequest) -> _AttemptFailed:
        what = "HTTP connection failure" if code == _CONNECTION else "HTTP retrieval failure"
        message = f"{what}: {request.method} {request.url}: {why}"
        return _AttemptFailed(kind, code, message, self._delivery)


class Sender:
    """Sends the deliveries of one account."""

    def __init__(
        self,
        http: HttpPort,
        *,
        auth_token: Callable[[Delivery], str],
        clock: Callable[[], int],
        guard: HostGuard,
        seeds: Seeds,
    ) -> None:
        """Send by ``http``; ``auth_token`` returns the token that signs a delivery."""
        self._http = http
        self._auth_token = auth_token
        self._clock = clock
        self._guard = guard
        self._seeds = seeds
        self._cookies: Cookies | None = None
        """The app's cookies; None until it sets one."""

    async def send(
        self,
        delivery: Delivery,
        *,
        lost_answer: int | None = None,
        secret_body: str | None = None,
        oddities: Collection[str] = (),
    ) -> AppResponse:
        """Send a delivery, and enter each attempt in it. Raises AppFailure if all attempts fail.

        ``lost_answer`` is an injected status that replaces the app's first response;
        ``secret_body`` is the body of a secret delivery; ``oddities`` are those of its signature,
        which the delivery names if they show.
        """
        method = "GET" if delivery.method.upper() == "GET" else "POST"
        address, params = self._address(delivery.url, delivery), delivery.params
        try:
            overrides = ConnectionOverrides.parse(address.fragment)
        except ValueError as error:
            raise AppFailure(_INVALID_POLICY, str(error), delivery) from None
        attempts = _Attempts(self._http, self._clock, overrides, delivery, lost_answer=lost_answer)
        token = self._token(delivery)
        json_body = secret_body or (_json_of(delivery) if delivery.as_json else None)
        for _ in range(1 + _MOST_REDIRECTS):
            cookies = self._cookies
            request, odd = _outgoing(
                address,
                method,
                params,
                auth_token=None if delivery.secret else self._auth_token(delivery),
                idempotency_token=token,
                cookie=None if cookies is None else cookies.header(delivery.sid, address),
                json_body=json_body,
                oddities=oddities,
            )
            delivery.injected += [words for words in odd if words not in delivery.injected]
            answer = await attempts.until_answered(request)
            if "set-cookie" in answer.headers:
                self._keep_cookies(delivery.sid, address, answer.headers["set-cookie"])
            if answer.status < 300:
                return AppResponse(
                    address.base, answer.status, answer.headers, answer.body, delivery
                )
            if answer.status != 307 or method == "GET":
                method, params, json_body = "GET", (), None
            address = self._redirected(request.url, answer, delivery)
        raise AppFailure(
            _TOO_MANY_REDIRECTS,
            f"HTTP too many redirects: {delivery.url} led to more than {_MOST_REDIRECTS}",
            delivery,
        )

    def _keep_cookies(self, sid: str, address: WebhookUrl, set_cookie: str) -> None:
        if self._cookies is None:
            # Imported here: it takes 30 ms to load, and few apps set cookies.
            from mediasim.twilio.webhooks.cookies import Cookies

            self._cookies = Cookies(self._clock)
        self._cookies.keep(sid, address, set_cookie)

    def _address(self, url: str, delivery: Delivery) -> WebhookUrl:
        """Parse and check a URL. Raises AppFailure if it is wrong or its host not allowed."""
        try:
            address = WebhookUrl.parse(url)
        except ValueError as error:
            raise AppFailure(_NO_URL, f"Invalid URL format: {url!r}: {error}", delivery) from None
        if (refusal := self._guard.refusal(address.host)) is not None:
            raise AppFailure(_CONNECTION, f"HTTP connection failure: {refusal}", delivery)
        return address

    def _redirected(self, url: str, answer: HttpAnswer, delivery: Delivery) -> WebhookUrl:
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
        """Return the idempotency token of all attempts and copies of a delivery: a UUID."""
        meant = delivery.duplicate_of or delivery.id
        digits = self._seeds.digest(f"idempotency/{meant}").hex()
        cuts = (0, 8, 12, 16, 20, 32)
        return "-".join(digits[start:end] for start, end in pairwise(cuts))
