"""Attempts at one delivery: time-outs and retries, within the time there is.

They are as the connection overrides say: one retry when there was no connection, unless asked
otherwise. Twilio's pages tell of no wait between attempts, so there is none. The time a request
takes is the loop's; where the loop's clock was held meanwhile, a time-out still counts in full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.twilio.ports import HttpAnswer, HttpFailed, HttpLimits, HttpPort, HttpRequest
from mediasim.twilio.webhooks.address import ConnectionOverrides, Failure
from mediasim.twilio.webhooks.delivery import AppFailure, Attempt, Delivery

__all__ = ["Attempts"]

_MOST_BYTES: Final = 40 * 1024 * 1024
"""Of an answer: the largest file that Twilio plays."""
_HTTP: Final = 11200
_CONNECTION: Final = 11205
_NS: Final = 1_000_000_000


class _AttemptFailed(AppFailure):
    def __init__(
        self,
        kind: Failure,
        code: int,
        message: str,
        delivery: Delivery,
        *,
        by_weather: bool = False,
    ) -> None:
        super().__init__(code, message, delivery)
        self.kind = kind
        self.by_weather = by_weather
        """Then it is tried again, whatever the overrides say."""


class Attempts:
    """What is left of a delivery's time and retries, over all its redirects."""

    def __init__(
        self,
        http: HttpPort,
        clock: Callable[[], int],
        overrides: ConnectionOverrides,
        delivery: Delivery,
        *,
        lost_answer: int | None = None,
    ) -> None:
        """``lost_answer``: the status that comes in the stead of the app's first answer."""
        self._http = http
        self._clock = clock
        self._overrides = overrides
        self._delivery = delivery
        self._retries = overrides.retries
        self._seconds = overrides.total_seconds
        self._lost_answer = lost_answer

    async def until_answered(self, request: HttpRequest) -> HttpAnswer:
        """An answer that is no error status, after retries. Raises AppFailure."""
        while True:
            try:
                return await self._once(request)
            except _AttemptFailed as failed:
                worth = self._overrides.retry(failed.kind) or failed.by_weather
                if failed.by_weather:
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
        attempt = Attempt(
            request.url, request.method, dict(request.headers), request.body.decode(), sent_ns
        )
        self._delivery.attempts.append(attempt)
        try:
            answer = await self._http.send(request, HttpLimits(connect, total, _MOST_BYTES))
        except HttpFailed as failed:
            attempt.error = str(failed)
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
            self._seconds -= max(waited, (attempt.answered_ns - sent_ns) / _NS)
        lost, self._lost_answer = self._lost_answer, None
        if lost is not None:
            attempt.injected = f"the app's answer, {answer.status}, was lost"
            answer = HttpAnswer(lost, {}, b"")
        attempt.answered(answer.status, answer.headers, answer.body)
        if answer.status >= 400:
            attempt.error = f"Got HTTP {answer.status} response to {request.url}"
            kind: Failure = "4xx" if answer.status < 500 else "5xx"
            by_weather = lost is not None
            raise _AttemptFailed(kind, _HTTP, attempt.error, self._delivery, by_weather=by_weather)
        return answer

    def _failed(self, kind: Failure, code: int, why: str, request: HttpRequest) -> _AttemptFailed:
        what = "HTTP connection failure" if code == _CONNECTION else "HTTP retrieval failure"
        message = f"{what}: {request.method} {request.url}: {why}"
        return _AttemptFailed(kind, code, message, self._delivery)
