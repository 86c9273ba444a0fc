"""Keys and SigningKeys: API keys, one and the same here. A secret is shown once, at creation."""

from __future__ import annotations

from functools import partial
from typing import Final

from mediasim.twilio.resources import KeyRecord
from mediasim.twilio.rest.ask import Answer, Ask, Handler
from mediasim.twilio.rest.paging import listed
from mediasim.twilio.rest.resource import Resource

__all__ = ["KEYS"]


def _list(ask: Ask, *, name: str) -> Answer:
    return listed(
        ask,
        name,
        ask.service.keys.all(),
        lambda record: record.to_twilio_json(ask.service.dates),
        sid=lambda record: record.sid,
    )


def _create(ask: Ask) -> Answer:
    name = ask.form.friendly_name()
    sid = ask.service.new_sid("SK")
    record = KeyRecord(
        sid=sid,
        account_sid=ask.service.account.sid,
        friendly_name=name or "",
        secret=ask.service.new_secret(sid),
        created_ns=ask.service.now_ns,
    )
    ask.service.keys.add(record)
    return Answer(record.to_twilio_json(ask.service.dates, with_secret=True), 201)


def _fetch(ask: Ask) -> Answer:
    return Answer(ask.service.keys.find(ask.at["sid"]).to_twilio_json(ask.service.dates))


def _update(ask: Ask) -> Answer:
    record = ask.service.keys.find(ask.at["sid"])
    name = ask.form.friendly_name()
    if name is not None:
        record.friendly_name = name
        record.updated_ns = ask.service.now_ns
    return Answer(record.to_twilio_json(ask.service.dates))


def _delete(ask: Ask) -> Answer:
    ask.service.keys.remove(ask.at["sid"])
    return Answer(status=204)


def _resources(path: str, name: str, plural: str) -> tuple[Resource, ...]:
    one: dict[str, Handler] = {"GET": _fetch, "POST": _update, "DELETE": _delete}
    many: dict[str, Handler] = {"GET": partial(_list, name=plural), "POST": _create}
    return (
        Resource(f"Accounts/{{account}}/{path}", name, many, main_only=True),
        Resource(f"Accounts/{{account}}/{path}/{{sid}}", name, one, main_only=True),
    )


KEYS: Final = (
    *_resources("Keys", "Key", "keys"),
    *_resources("SigningKeys", "SigningKey", "signing_keys"),
)
