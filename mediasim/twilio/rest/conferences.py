"""Conferences: finding them, ending them, announcing something in them."""

from __future__ import annotations

from typing import Final

from mediasim.exchange.records import ConferenceRecord
from mediasim.twilio.asks import ConferenceUpdate, Script
from mediasim.twilio.representations import conference_json
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.lookup import conference_of
from mediasim.twilio.rest.moments import Moments
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["CONFERENCES"]

_STATUSES: Final = ("init", "in-progress", "completed")


def _list(ask: Ask) -> Answer:
    query, dates = ask.query, ask.service.dates
    name = query.text("FriendlyName")
    status = query.word("Status", _STATUSES)
    created, updated = Moments(query, "DateCreated", dates), Moments(query, "DateUpdated", dates)

    def keep(record: ConferenceRecord) -> bool:
        return (
            name in (None, "", record.friendly_name)
            and status in (None, record.status)
            and created.holds(record.created_ns)
            and updated.holds(record.updated_ns)
        )

    return listed(
        ask,
        "conferences",
        ask.service.catalogue.conferences(),
        lambda record: conference_json(record, dates),
        sid=lambda record: record.sid,
        keep=keep,
    )


def _fetch(ask: Ask) -> Answer:
    return Answer(conference_json(conference_of(ask), ask.service.dates))


def _update(ask: Ask) -> Answer:
    record = conference_of(ask)
    url = ask.form.url("AnnounceUrl")
    method = ask.form.method("AnnounceMethod")
    update = ConferenceUpdate(
        status=ask.form.word("Status", ("completed",)),
        announce=Script(url, method) if url else None,
    )
    record = ask.service.conferences.update_conference(record.sid, update)
    return Answer(conference_json(record, ask.service.dates))


CONFERENCES: Final = (
    Resource("Accounts/{account}/Conferences", "Conference", {"GET": _list}),
    Resource(
        "Accounts/{account}/Conferences/{conference}",
        "Conference",
        {"GET": _fetch, "POST": _update},
    ),
)
