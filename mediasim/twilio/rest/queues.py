"""Queues, and their members: the calls that wait in them. ``Front`` is who waits longest."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.account import Account
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.resources import QueueRecord
from mediasim.twilio.rest.paging import LIST_ALL, PAGING, listed
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    ApiRequest,
    Operation,
    Owner,
    Resource,
    Store,
    Stored,
    delete,
    fetch,
)
from mediasim.twilio.rest.responses import ApiResponse

__all__ = ["MEMBERS", "QUEUES"]

_LARGEST: Final = 5000
_NAME_TAKEN: Final = 22003
_BAD_URL: Final = 21205


def _create(ask: ApiRequest) -> ApiResponse:
    name, size = ask.form.friendly_name(), _size(ask)
    if not name:
        raise bad_parameter("FriendlyName is required")
    queues = ask.service.queues
    _check_free(ask, name)
    return ask.shown(queues.create(name) if size is None else queues.create(name, size), 201)


def _update(ask: ApiRequest) -> ApiResponse:
    name, size = ask.form.friendly_name() or None, _size(ask)
    record = ask.service.queues.find(ask.at["sid"])
    if name is not None and name != record.friendly_name:
        _check_free(ask, name)
    return ask.shown(ask.service.queues.update(record.sid, name, size))


def _check_free(ask: ApiRequest, name: str) -> None:
    if any(each.friendly_name == name for each in ask.service.queues.all()):
        raise bad_parameter(f"A queue with the name {name} already exists", _NAME_TAKEN)


def _size(ask: ApiRequest) -> int | None:
    return ask.form.number("MaxSize", 1, _LARGEST)


def _store(service: Account) -> Store:
    queues = service.queues
    return Store(queues.all, queues.add, queues.find, queues.remove)


_SETTINGS: Final = ("FriendlyName", "MaxSize")
_PATH: Final = f"{ACCOUNT}/Queues"
QUEUES: Final = Resource(
    name="Queue",
    many="queues",
    prefix="QU",
    stored=Stored(
        "queue",
        QueueRecord,
        _store,
        Owner.SHARED,
        momentary=("current_size", "average_wait_seconds"),
    ),
    paths={
        _PATH: {"GET": LIST_ALL, "POST": Operation(_create, _SETTINGS)},
        f"{_PATH}/{{sid}}": {
            "GET": Operation(fetch),
            "POST": Operation(_update, _SETTINGS),
            "DELETE": Operation(delete),
        },
    },
)


# -- members ------------------------------------------------------------------------------------


def _list_members(ask: ApiRequest) -> ApiResponse:
    return listed(
        ask,
        ask.service.queues.members(ask.at["queue"]),
        sid=lambda record: record.call_sid,
        newest_first=False,
    )


def _fetch_member(ask: ApiRequest) -> ApiResponse:
    return ask.shown(ask.service.queues.member(ask.at["queue"], ask.at["who"]))


def _dequeue(ask: ApiRequest) -> ApiResponse:
    url = ask.form.url("Url", code=_BAD_URL)
    method = ask.form.method("Method")
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    return ask.shown(
        ask.service.queues.dequeue(ask.at["queue"], ask.at["who"], TwimlSource(url, method))
    )


MEMBERS: Final = Resource(
    name="QueueMember",
    many="queue_members",
    paths={
        f"{_PATH}/{{queue}}/Members": {"GET": Operation(_list_members, PAGING)},
        f"{_PATH}/{{queue}}/Members/{{who}}": {
            "GET": Operation(_fetch_member),
            "POST": Operation(_dequeue, ("Url", "Method")),
        },
    },
)
