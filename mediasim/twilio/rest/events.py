"""Events of a call: every request that was made to the app about it and its recordings.

Oldest first. Twilio's list has the app's own requests to the API too; ours has not.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from mediasim.twilio.representations import rfc2822
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.lookup import call_of
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource
from mediasim.twilio.webhooks.delivery import Attempt, Delivery

__all__ = ["EVENTS"]

_NS_PER_MS: Final = 1_000_000


def _list(ask: Ask) -> Answer:
    call = call_of(ask)
    sids = {call.sid} | {each.sid for each in ask.service.catalogue.recordings(call=call.sid)}
    attempts = [
        (f"{delivery.id}-{number}", delivery, attempt)
        for delivery in ask.service.webhooks.deliveries
        if delivery.sid in sids
        for number, attempt in enumerate(delivery.attempts)
    ]
    return listed(
        ask,
        "events",
        attempts,
        lambda each: _shown(ask, each[1], each[2]),
        sid=lambda each: each[0],
        newest_first=False,
    )


def _shown(ask: Ask, delivery: Delivery, attempt: Attempt) -> dict[str, Any]:
    query = parse_qsl(urlsplit(attempt.url).query, keep_blank_values=True)
    parameters = dict(delivery.params) if attempt.method == "POST" else dict(query)
    answered = attempt.answered_ns
    return {
        "request": {"method": attempt.method, "url": attempt.url, "parameters": parameters},
        "response": {
            "response_code": attempt.status,
            "request_duration": None
            if answered is None
            else (answered - attempt.sent_ns) // _NS_PER_MS,
            "content_type": attempt.response_headers.get("content-type"),
            "response_body": attempt.response_body,
            "date_created": rfc2822(ask.service.dates, attempt.sent_ns),
        },
    }


EVENTS: Final = (Resource("Accounts/{account}/Calls/{call}/Events", "Event", {"GET": _list}),)
