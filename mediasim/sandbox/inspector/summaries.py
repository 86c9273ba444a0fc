"""Calls, recordings, deliveries and all other resources, as the inspector lists them.

Times are loop seconds. All functions run on the engine's loop.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.account import Account
from mediasim.twilio.message_records import MessageRecord
from mediasim.twilio.rest.table import RESOURCES
from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.address import signature

__all__ = [
    "MOST_LISTED",
    "call_summary",
    "clock_summary",
    "delivery_summary",
    "evidence",
    "message_summary",
    "not_simulated",
    "recording_summary",
    "resources",
    "seconds",
]

MOST_LISTED: Final = 500
"""Number of newest entries of each kind that are listed."""


def seconds(at_ns: int | None) -> float | None:
    """Return a loop time in seconds; None for none."""
    return None if at_ns is None else at_ns / 1e9


def clock_summary(sandbox: Sandbox) -> dict[str, Any]:
    """Return the state of the clock."""
    clock = sandbox.clock
    return {
        "kind": clock.kind,
        "rate": clock.rate,
        "seconds": clock.now_ns / 1e9,
        "epoch_ms": sandbox.service.dates.unix_ns(0) // 1_000_000,
    }


def call_summary(record: CallRecord, party: str | None, troubles: int) -> dict[str, Any]:
    """Return the summary of a call.

    ``party`` is the name of the far end's party, None where it is unknown; ``troubles`` is the
    number of notifications for the developer.
    """
    return {
        "sid": record.sid,
        "parent": record.parent_call_sid,
        "from": record.from_,
        "to": record.to,
        "direction": record.direction,
        "status": record.status,
        "party": party,
        "created": seconds(record.created_ns),
        "answered": seconds(record.answered_ns),
        "ended": seconds(record.ended_ns),
        "troubles": troubles,
    }


def recording_summary(record: RecordingRecord) -> dict[str, Any]:
    """Return the summary of a recording."""
    return {
        "sid": record.sid,
        "call": record.call_sid,
        "conference": record.conference_sid,
        "source": record.source,
        "status": record.status,
        "channels": record.layout.stored_channels,
        "started": seconds(record.start_ns),
        "seconds": None if record.samples is None else record.samples / 8000,
    }


def delivery_summary(delivery: Delivery) -> dict[str, Any]:
    """Return the summary of a delivery."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "about": delivery.sid,
        "method": delivery.method,
        "url": delivery.url,
        "state": delivery.state,
        "status": None if last is None else last.status,
        "attempts": len(delivery.attempts),
        "queued": seconds(delivery.queued_ns),
        "sent": seconds(delivery.sent_ns),
        "answered": seconds(delivery.answered_ns),
        "error": delivery.error,
        "replay_of": delivery.replay_of,
        "injected": [
            *delivery.injected,
            *(each.injected for each in delivery.attempts if each.injected is not None),
        ],
    }


def message_summary(service: Account, record: MessageRecord) -> dict[str, Any]:
    """Return the summary of a text message."""
    shown = record.to_twilio_json(service.dates)
    return {
        "sid": record.sid,
        "from": record.from_,
        "to": record.to,
        "service": record.messaging_service_sid,
        "body": record.body,
        "direction": record.direction,
        "status": record.status,
        "created": seconds(record.created_ns),
        "error_code": record.error_code,
        "error": shown["error_message"],
        "media": [each.url for each in service.messages.media_of(record.sid)],
    }


def resources(service: Account) -> dict[str, Any]:
    """Return the newest records of each stored resource, as JSON, with the resource's name.

    Beside them are requests for what is not simulated, the most frequent first.
    """
    return {
        "resources": [
            {
                "name": each.name,
                "many": each.many.replace("_", " "),
                "records": [
                    each.json(record, service.dates)
                    for record in reversed(each.stored.store(service).all()[-MOST_LISTED:])
                ],
            }
            for each in RESOURCES
            if each.stored is not None
        ],
        "not_simulated": not_simulated(service),
    }


def not_simulated(service: Account) -> list[dict[str, Any]]:
    """Return the requests for what is not simulated, with their counts, the most frequent first."""
    counts = service.not_simulated.most_common()
    return [{"request": request, "count": count} for request, count in counts]


# -- signatures ----------------------------------------------------------------------------------


def evidence(delivery: Delivery, auth_token: str, seen_as: str | None = None) -> dict[str, Any]:
    """Return a delivery and the check of its last request's signature.

    ``seen_as`` is the URL that the app sees, behind a proxy for one; the check then is of that.
    """
    return {
        "delivery": delivery.to_json(),
        "signature": _signature_check(delivery, auth_token, seen_as),
    }


def _signature_check(
    delivery: Delivery, auth_token: str, seen_as: str | None
) -> dict[str, Any] | None:
    """Return the signature sent and the one expected; None before the first request."""
    if not delivery.attempts:
        return None
    sent = delivery.attempts[-1]
    form = sent.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    params = parse_qsl(sent.body, keep_blank_values=True) if form else []
    url = seen_as or sent.url
    header = sent.headers.get("X-Twilio-Signature", "")
    expected = signature(auth_token, url, params)
    return {
        "header": header,
        "url": url,
        "params": sorted(set(params)),
        "expected": expected,
        "matches": header == expected,
    }
