"""Calls, recordings, deliveries and all other resources, as the inspector lists them.

Times are loop seconds. Runs on the engine's loop.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.account import Account
from mediasim.twilio.rest.table import RESOURCES
from mediasim.twilio.webhooks import Delivery
from mediasim.twilio.webhooks.address import signature

__all__ = [
    "MOST_LISTED",
    "call_summary",
    "clock_summary",
    "delivery_summary",
    "evidence",
    "recording_summary",
    "resources",
    "seconds",
]

MOST_LISTED: Final = 500
"""Of each kind: the newest."""


def seconds(at_ns: int | None) -> float | None:
    """A loop time in seconds."""
    return None if at_ns is None else at_ns / 1e9


def clock_summary(sandbox: Sandbox) -> dict[str, Any]:
    clock = sandbox.clock
    return {
        "kind": clock.kind,
        "rate": clock.rate,
        "seconds": clock.now_ns / 1e9,
        "epoch_ms": sandbox.service.dates.unix_ns(0) // 1_000_000,
    }


def call_summary(record: CallRecord, party: str | None, troubles: int) -> dict[str, Any]:
    """``party`` is who is at the far end, None where that is no longer known; ``troubles``
    counts what was noted for the developer."""
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


def resources(service: Account) -> dict[str, Any]:
    """``resources``: each that is stored, what it is called, and its newest records as JSON."""
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
        ]
    }


# -- signatures ----------------------------------------------------------------------------------


def evidence(delivery: Delivery, auth_token: str, seen_as: str | None = None) -> dict[str, Any]:
    """The log's entry and the check of its last request.

    ``seen_as`` is the URL as the app has it, behind a proxy for one: the check is then of that.
    """
    return {"delivery": delivery.to_json(), "signature": _check(delivery, auth_token, seen_as)}


def _check(delivery: Delivery, auth_token: str, seen_as: str | None) -> dict[str, Any] | None:
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
