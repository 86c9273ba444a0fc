"""The kinds of records that a sandbox keeps, and where in its service each kind is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.sandbox.persistence import Shelf
from mediasim.twilio.resources import (
    ApplicationRecord,
    Book,
    KeyRecord,
    NotificationRecord,
    NumberRecord,
    QueueRecord,
    TranscriptionRecord,
)
from mediasim.twilio.service import Service
from mediasim.twilio.webhooks import Delivery

__all__ = ["BOOKS", "KEYS", "LIVES", "MOST_KEPT", "OF_THE_FRONT", "TYPES", "shelves_of"]

MOST_KEPT: Final = 10_000
"""Of what only tells what happened: events, deliveries, notifications."""
OF_THE_FRONT: Final = ("number", "application", "key")
"""Kinds of records of which workers are told, and that they never change."""
BOOKS: Final = ("number", "application", "key", "queue", "notification", "transcription")
LIVES: Final = ("call", "recording", "conference")


TYPES: Final[Mapping[str, type[Any]]] = {
    "call": CallRecord,
    "recording": RecordingRecord,
    "conference": ConferenceRecord,
    "number": NumberRecord,
    "application": ApplicationRecord,
    "key": KeyRecord,
    "transcription": TranscriptionRecord,
    "queue": QueueRecord,
    "notification": NotificationRecord,
    "delivery": Delivery,
}
KEYS: Final[Mapping[str, str]] = {"delivery": "id"}
"""The field that a record is known by, where that is no SID."""


def shelves_of(service: Service) -> list[Shelf]:
    """Every kind of record of an account, and where its records are."""
    catalogue = service.exchange.catalogue

    def of_book(kind: str, book: Book[Any]) -> Shelf:
        return Shelf(kind, TYPES[kind], book.all, book.add, remove=book.remove)

    def add_queue(queue: QueueRecord) -> None:
        queue.current_size = queue.average_wait_seconds = 0
        service.queues.add(queue)

    return [
        Shelf(
            "call", CallRecord, catalogue.calls, catalogue.add_call, remove=catalogue.remove_call
        ),
        Shelf("recording", RecordingRecord, catalogue.recordings, catalogue.add_recording),
        Shelf("conference", ConferenceRecord, catalogue.conferences, catalogue.add_conference),
        of_book("number", service.numbers),
        of_book("application", service.applications),
        of_book("key", service.keys),
        of_book("transcription", service.transcriptions),
        Shelf("queue", QueueRecord, service.queues.all, add_queue),
        Shelf(
            "notification",
            NotificationRecord,
            lambda: service.notifications,
            service.notifications.append,
            most=MOST_KEPT,
        ),
        Shelf(
            "delivery",
            Delivery,
            lambda: service.webhooks.deliveries,
            service.webhooks.deliveries.append,
            key=KEYS["delivery"],
            most=MOST_KEPT,
        ),
    ]
