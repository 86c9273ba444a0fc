"""Records of an account's resources, and the books they stand in."""

from __future__ import annotations

import pytest

from mediasim.exchange.dates import Dates
from mediasim.twilio.account_parts import ResourceList
from mediasim.twilio.errors import TwilioError
from mediasim.twilio.notifications import NotificationRecord
from mediasim.twilio.requests import Callback, TwimlSource
from mediasim.twilio.resources import KeyRecord, NumberRecord

ACCOUNT = "AC" + "0" * 32


def key(number: int) -> KeyRecord:
    return KeyRecord(f"SK{number:032x}", ACCOUNT, "", "secret", 0)


def number(phone_number: str = "+14155550100", **more: str) -> NumberRecord:
    return NumberRecord("PN" + "0" * 32, ACCOUNT, "Desk", 0, phone_number=phone_number, **more)  # type: ignore[arg-type]


def test_a_book_keeps_its_records_in_order() -> None:
    book: ResourceList[KeyRecord] = ResourceList("Keys", ACCOUNT)
    records = [key(3), key(1), key(2)]
    for record in records:
        book.add(record)
    assert book.all() == records
    assert book.find(records[1].sid) is records[1]
    assert book.remove(records[0].sid) is records[0]
    assert book.all() == records[1:]
    with pytest.raises(ValueError, match="already"):
        book.add(key(1))


def test_what_a_book_has_not_is_named_by_its_path() -> None:
    book: ResourceList[KeyRecord] = ResourceList("Keys", ACCOUNT)
    for ask in (book.find, book.remove):
        with pytest.raises(TwilioError) as refused:
            ask("SK1")
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Keys/SK1.json"
        assert (refused.value.status, refused.value.code) == (404, 20404)
        assert path in refused.value.message


def test_where_a_numbers_calls_go() -> None:
    assert number().source() == TwimlSource()
    assert number().callback() is None
    own = number(voice_url="http://a/", voice_method="GET", voice_fallback_url="http://b/")
    assert own.source() == TwimlSource("http://a/", "GET", "http://b/")
    assert number(voice_url="http://a/", twiml="<Response/>").source() == TwimlSource(
        twiml="<Response/>"
    )
    assert number(status_callback="http://c/").callback() == Callback("http://c/")


@pytest.mark.parametrize(
    ("phone_number", "kind"),
    [("+14155550100", "local"), ("+18335550100", "toll-free"), ("+4980055501", "local")],
)
def test_a_numbers_type(phone_number: str, kind: str) -> None:
    assert number(phone_number).to_twilio_json(Dates())["type"] == kind


def test_a_keys_secret_is_shown_on_demand_alone() -> None:
    assert "secret" not in key(1).to_twilio_json(Dates())
    assert key(1).to_twilio_json(Dates(), with_secret=True)["secret"] == "secret"


def test_a_notification_without_a_request_names_none() -> None:
    note = NotificationRecord("NO1", ACCOUNT, None, 16113, "1", "words", "", 0)
    shown = note.to_full_twilio_json(Dates())
    assert (shown["request_url"], shown["request_method"]) == (None, None)
    assert shown["error_code"] == "16113"
