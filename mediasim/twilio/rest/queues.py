"""Queues, and their members: the calls that wait in them. ``Front`` is who waits longest."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.asks import Script
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.resources import QueueRecord
from mediasim.twilio.rest.ask import Answer, Ask
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["QUEUES"]

_LARGEST: Final = 5000
_NAME_TAKEN: Final = 22003
_BAD_URL: Final = 21205


def _list(ask: Ask) -> Answer:
    return listed(
        ask,
        "queues",
        ask.service.queues.all(),
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.sid,
    )


def _create(ask: Ask) -> Answer:
    name, size = ask.form.friendly_name(), _size(ask)
    if not name:
        raise bad_parameter("FriendlyName is required")
    queues = ask.service.queues
    _check_free(ask, name)
    return _shown(ask, queues.create(name) if size is None else queues.create(name, size), 201)


def _fetch(ask: Ask) -> Answer:
    return _shown(ask, ask.service.queues.find(ask.at["queue"]))


def _update(ask: Ask) -> Answer:
    name, size = ask.form.friendly_name() or None, _size(ask)
    record = ask.service.queues.find(ask.at["queue"])
    if name is not None and name != record.friendly_name:
        _check_free(ask, name)
    return _shown(ask, ask.service.queues.update(record.sid, name, size))


def _check_free(ask: Ask, name: str) -> None:
    if any(each.friendly_name == name for each in ask.service.queues.all()):
        raise bad_parameter(f"A queue with the name {name} already exists", _NAME_TAKEN)


def _size(ask: Ask) -> int | None:
    return ask.form.number("MaxSize", 1, _LARGEST)


def _delete(ask: Ask) -> Answer:
    ask.service.queues.remove(ask.at["queue"])
    return Answer(status=204)


def _shown(ask: Ask, record: QueueRecord, status: int = 200) -> Answer:
    return Answer(record.to_twilio_json(ask.service.dates), status)


# -- members ------------------------------------------------------------------------------------


def _list_members(ask: Ask) -> Answer:
    return listed(
        ask,
        "queue_members",
        ask.service.queues.members(ask.at["queue"]),
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.call_sid,
        newest_first=False,
    )


def _fetch_member(ask: Ask) -> Answer:
    record = ask.service.queues.member(ask.at["queue"], ask.at["who"])
    return Answer(record.to_twilio_json(ask.service.dates))


def _dequeue(ask: Ask) -> Answer:
    url = ask.form.url("Url", code=_BAD_URL)
    method = ask.form.method("Method")
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    record = ask.service.queues.dequeue(ask.at["queue"], ask.at["who"], Script(url, method))
    return Answer(record.to_twilio_json(ask.service.dates))


_PATH: Final = "Accounts/{account}/Queues"
QUEUES: Final = (
    Resource(_PATH, "Queue", {"GET": _list, "POST": _create}),
    Resource(f"{_PATH}/{{queue}}", "Queue", {"GET": _fetch, "POST": _update, "DELETE": _delete}),
    Resource(f"{_PATH}/{{queue}}/Members", "QueueMember", {"GET": _list_members}),
    Resource(
        f"{_PATH}/{{queue}}/Members/{{who}}",
        "QueueMember",
        {"GET": _fetch_member, "POST": _dequeue},
    ),
)
