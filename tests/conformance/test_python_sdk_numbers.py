"""Numbers that can be bought, and verified caller IDs, by the official Python SDK."""

from __future__ import annotations

import phonenumbers
import pytest
from number_plan import ALICE, APP_NUMBER, CAROL
from sandbox_process import Sandbox
from sdk_refusals import refused
from twilio.rest import Client
from user_app import UserApp


def test_countries(client: Client) -> None:
    countries = client.available_phone_numbers.list()
    assert len(countries) > 20
    usa = client.available_phone_numbers("US").fetch()
    assert (usa.country, usa.country_code) == ("United States", "US")
    assert set(usa.subresource_uris) == {"local", "toll_free"}
    assert "mobile" in client.available_phone_numbers("GB").fetch().subresource_uris
    assert refused(client.available_phone_numbers("XX").fetch) == (404, 20404)


@pytest.mark.parametrize(
    ("country", "kind", "filters", "starts"),
    [
        ("US", "local", {}, "+1"),
        ("US", "local", {"area_code": 510}, "+1510555"),
        ("US", "local", {"area_code": 907}, "+1907555"),
        ("US", "local", {"contains": "415*****23"}, "+1415"),
        ("US", "local", {"contains": "VISA"}, "+1"),
        ("US", "local", {"in_region": "NY", "sms_enabled": True}, "+1212"),
        ("US", "local", {"in_locality": "Boston"}, "+1617"),
        ("US", "local", {"near_lat_long": "47.6,-122.3", "distance": 10}, "+1206"),
        ("US", "local", {"near_number": "+14155550100", "in_region": "CA"}, "+1"),
        ("US", "toll_free", {}, "+18"),
        ("CA", "local", {"area_code": 416}, "+1416"),
        ("GB", "local", {}, "+44"),
        ("GB", "mobile", {"contains": "74"}, "+447"),
        ("DE", "mobile", {}, "+491"),
    ],
)
def test_numbers_are_found(
    client: Client, country: str, kind: str, filters: dict[str, object], starts: str
) -> None:
    numbers = client.available_phone_numbers(country)
    found = getattr(numbers, kind).list(limit=5, **filters)
    assert 1 <= len(found) <= 5
    assert [each.phone_number for each in found] == [
        each.phone_number for each in getattr(numbers, kind).list(limit=5, **filters)
    ]
    for each in found:
        assert each.phone_number.startswith(starts)
        assert phonenumbers.is_valid_number(phonenumbers.parse(each.phone_number))
        assert each.iso_country == country
        assert each.capabilities["voice"]
    if "VISA" in filters.values():
        assert all("8472" in each.phone_number for each in found)


def test_numbers_that_are_not_found(client: Client) -> None:
    local = client.available_phone_numbers("US").local
    for filters in (
        {"area_code": 416},
        {"in_region": "ZZ"},
        {"fax_enabled": True},
        {"beta": True},
        {"near_lat_long": "0,0"},
    ):
        assert local.list(limit=5, **filters) == [], filters
    assert client.available_phone_numbers("US").mobile.list() == []
    assert refused(local.list, limit=5, contains="?") == (400, 21451)
    assert refused(local.list, limit=5, near_lat_long="here")[0] == 400
    assert client.available_phone_numbers("GB").local.list(limit=1, area_code=20)
    assert "AreaCode" in client.notifications.list()[0].message_text
    # What the app has, and whoever is in the number plan, is not for sale.
    for taken in (APP_NUMBER, ALICE):
        assert local.list(limit=5, contains=taken.removeprefix("+1")) == []
        create = client.incoming_phone_numbers.create
        assert refused(create, phone_number=taken) == (400, 21422)


def test_a_number_has_the_type_of_its_countrys_plan(client: Client) -> None:
    numbers, buy = client.available_phone_numbers("GB"), client.incoming_phone_numbers.create
    for kind in ("mobile", "local", "toll_free"):
        (found,) = getattr(numbers, kind).list(limit=1)
        assert buy(phone_number=found.phone_number).type == kind.replace("_", "-")
    (mobile,) = client.incoming_phone_numbers.mobile.list()
    assert mobile.phone_number.startswith("+447")


def test_a_number_of_no_country_is_shown_as_it_is(client: Client) -> None:
    number = "+999999999"
    assert client.validation_requests.create(phone_number=number).friendly_name == number
    bought = client.incoming_phone_numbers.create(phone_number=number)
    assert bought.phone_number == number
    assert bought.delete()


def test_a_number_is_bought_called_and_given_back(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    (found,) = client.available_phone_numbers("US").local.list(limit=1, area_code=510)
    bought = client.incoming_phone_numbers.create(
        phone_number=found.phone_number, voice_url=f"{app.url}/bought", sms_url=f"{app.url}/sms"
    )
    assert bought.capabilities["sms"]
    (other,) = client.available_phone_numbers("US").local.list(limit=1, area_code=510)
    assert other.phone_number != found.phone_number
    sandbox.call(found.phone_number, "quiet", "hangup")
    sandbox.control("POST", "/messages", {"to": found.phone_number, "body": "Hi"})
    sandbox.run_out()
    assert (len(app.of("/bought")), len(app.of("/sms"))) == (1, 1)
    assert bought.delete()
    (again,) = client.available_phone_numbers("US").local.list(limit=1, area_code=510)
    assert again.phone_number == found.phone_number


# -- verified caller IDs --------------------------------------------------------------------------


def begun(client: Client, app: UserApp, **more: object) -> tuple[str, str]:
    made = client.validation_requests.create(
        phone_number=CAROL, status_callback=f"{app.url}/verified", **more
    )
    assert (made.phone_number, len(made.validation_code)) == (CAROL, 6)
    return made.call_sid, made.validation_code


def test_a_caller_id_is_verified(stepped: Sandbox, stepped_client: Client, app: UserApp) -> None:
    client = stepped_client
    assert client.outgoing_caller_ids.list() == []
    call, code = begun(client, app, friendly_name="Carol")
    stepped.advance(3)
    assert client.calls(call).fetch().status == "in-progress"
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for keys in (wrong, code):
        stepped.control("POST", f"/calls/{call}/press", {"digits": keys})
        stepped.advance(5)
    assert client.calls(call).fetch().status == "completed"
    (told,) = app.of("/verified")
    (record,) = client.outgoing_caller_ids.list()
    assert (told["VerificationStatus"], told["OutgoingCallerIdSid"]) == ("success", record.sid)
    assert (record.friendly_name, record.phone_number) == ("Carol", CAROL)
    assert refused(client.validation_requests.create, phone_number=CAROL) == (400, 21450)
    assert record.update(friendly_name="C.").friendly_name == "C."
    for filters, count in (({"phone_number": CAROL}, 1), ({"friendly_name": "Carol"}, 0)):
        assert len(client.outgoing_caller_ids.list(**filters)) == count
    assert client.outgoing_caller_ids(record.sid).fetch().phone_number == CAROL
    assert record.delete()
    assert refused(record.fetch) == (404, 20404)


def test_a_caller_id_is_not_verified(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    begun(client, app, extension="12")
    sandbox.run_out()
    assert app.told("/verified", "VerificationStatus") == ["failed"]
    assert client.outgoing_caller_ids.list() == []
    assert refused(client.validation_requests.create, phone_number="client:me") == (400, 21211)
    assert refused(client.validation_requests.create, phone_number="me") == (400, 21211)
