"""Which local handler answers for a host name."""

from __future__ import annotations

from starlette.responses import PlainTextResponse

from mediasim.sandbox.proxy.hosts import AppAddress, HostTable

API, LOOKUPS = PlainTextResponse("api"), PlainTextResponse("lookups")


def test_a_whole_name_goes_before_all_names_below() -> None:
    hosts = HostTable({"Demo.ngrok.app": "http://127.0.0.1:5050/"})
    hosts.answer("*.twilio.com", API)
    hosts.answer("lookups.twilio.com", LOOKUPS)
    hosts.answer("*.edge.twilio.com", LOOKUPS)
    assert hosts.find("api.twilio.com") is API
    assert hosts.find("API.dublin.ie1.Twilio.com.") is API
    assert hosts.find("lookups.twilio.com") is LOOKUPS
    assert hosts.find("a.edge.twilio.com") is LOOKUPS
    assert hosts.find("demo.ngrok.app") == AppAddress("http://127.0.0.1:5050")
    assert hosts.find("DEMO.ngrok.app") == AppAddress("http://127.0.0.1:5050")
    for other in ("twilio.com", "nottwilio.com", "api.twilio.com.evil.example", "app", "", "."):
        assert hosts.find(other) is None


def test_names_can_be_changed() -> None:
    hosts = HostTable()
    hosts.route("a.example", "http://127.0.0.1:1")
    hosts.route("A.example", "http://127.0.0.1:2")
    assert hosts.find("a.example") == AppAddress("http://127.0.0.1:2")
    assert hosts.names == ("a.example",)
    hosts.forget("a.EXAMPLE")
    hosts.forget("b.example")
    assert hosts.find("a.example") is None


def test_a_forgotten_name_is_answered_as_before() -> None:
    hosts = HostTable({"a.example": "http://127.0.0.1:1"})
    hosts.answer("*.twilio.com", API)
    hosts.route("a.example", "http://127.0.0.1:2")
    hosts.route("*.twilio.com", "http://127.0.0.1:3")
    for name in ("a.example", "*.twilio.com", "*.twilio.com"):
        hosts.forget(name)
    assert hosts.find("a.example") == AppAddress("http://127.0.0.1:1")
    assert hosts.find("api.twilio.com") is API
    assert hosts.names == ("a.example", "*.twilio.com")
