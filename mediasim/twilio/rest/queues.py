"""Queues, and their members: the calls that wait in them. ``Front`` is the longest waiting."""

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


def _create(request: ApiRequest) -> ApiResponse:
    name, size = request.form.friendly_name(), _size(request)
    if not name:
        raise bad_parameter("FriendlyName is required")
    queues, account_sid = request.account.queues, request.account.sid
    _check_free(request, name)
    record = queues.create(name, size, account_sid=account_sid)
    return request.show(record, 201)


def _update(request: ApiRequest) -> ApiResponse:
    name, size = request.form.friendly_name() or None, _size(request)
    record = request.account.queues.find(request.at["sid"])
    if name is not None and name != record.friendly_name:
        _check_free(request, name)
    return request.show(request.account.queues.update(record.sid, name, size))


def _check_free(request: ApiRequest, name: str) -> None:
    if any(each.friendly_name == name for each in request.own(request.account.queues.all())):
        raise bad_parameter(f"A queue with the name {name} already exists", _NAME_TAKEN)


def _size(request: ApiRequest) -> int | None:
    return request.form.number("MaxSize", 1, _LARGEST)


def _store(account: Account) -> Store:
    queues = account.queues
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


def _list_members(request: ApiRequest) -> ApiResponse:
    return listed(
        request,
        request.account.queues.members(request.at["queue"]),
        sid=lambda record: record.call_sid,
        newest_first=False,
    )


def _fetch_member(request: ApiRequest) -> ApiResponse:
    return request.show(request.account.queues.member(request.at["queue"], request.at["who"]))


def _dequeue(request: ApiRequest) -> ApiResponse:
    url = request.form.url("Url", code=_BAD_URL)
    method = request.form.method("Method")
    if not url:
        raise bad_parameter("Url parameter is required.", _BAD_URL)
    return request.show(
        request.account.queues.dequeue(
            request.at["queue"], request.at["who"], TwimlSource(url, method)
        )
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
