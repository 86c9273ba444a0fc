"""Usage triggers: a toy, which is stored and never fires, for nothing is billed here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mediasim.exchange.dates import Dates
from mediasim.twilio.errors import bad_parameter
from mediasim.twilio.representations import API_VERSION, account_path, dates_json
from mediasim.twilio.rest.answers import Answer
from mediasim.twilio.rest.paging import LIST_ALL
from mediasim.twilio.rest.resource import (
    ACCOUNT,
    Ask,
    Operation,
    Resource,
    Stored,
    delete,
    fetch,
    in_book,
)

__all__ = ["TRIGGERS"]


@dataclass(slots=True)
class TriggerRecord:
    """Twilio's UsageTrigger resource."""

    sid: str
    account_sid: str
    friendly_name: str
    callback_url: str
    usage_category: str
    trigger_value: str
    created_ns: int
    updated_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.updated_ns = self.created_ns

    def to_twilio_json(self, dates: Dates) -> dict[str, Any]:
        path = account_path(self.account_sid)
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "callback_method": "POST",
            "callback_url": self.callback_url,
            "current_value": "0",
            **dates_json(self, dates),
            "date_fired": None,
            "friendly_name": self.friendly_name,
            "recurring": "alltime",
            "sid": self.sid,
            "trigger_by": "usage",
            "trigger_value": self.trigger_value,
            "uri": f"{path}/Usage/Triggers/{self.sid}.json",
            "usage_category": self.usage_category,
            "usage_record_uri": f"{path}/Usage/Records.json?Category={self.usage_category}",
        }


def _create(ask: Ask) -> Answer:
    form = ask.form
    url, value, category = (
        form.url("CallbackUrl"),
        form.text("TriggerValue"),
        form.text("UsageCategory"),
    )
    if not (url and value and category):
        raise bad_parameter("CallbackUrl, TriggerValue and UsageCategory are required")
    service, name = ask.service, form.friendly_name() or ""
    record = TriggerRecord(
        ask.new_sid(), service.account.sid, name, url, category, value, service.now_ns
    )
    ask.store.add(record)
    return ask.shown(record, 201)


_PATH: Final = f"{ACCOUNT}/Usage/Triggers"
TRIGGERS: Final = Resource(
    name="UsageTrigger",
    many="usage_triggers",
    prefix="UT",
    stored=Stored("usage-trigger", TriggerRecord, in_book("Usage/Triggers")),
    paths={
        _PATH: {
            "GET": LIST_ALL,
            "POST": Operation(
                _create, ("CallbackUrl", "TriggerValue", "UsageCategory", "FriendlyName")
            ),
        },
        f"{_PATH}/{{sid}}": {"GET": Operation(fetch), "DELETE": Operation(delete)},
    },
)
