"""Telephones register and are forgotten: passwords, times, several places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sip_stage import Phone, SipStage, authorization, header, sip_sandbox

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def stage() -> Iterator[SipStage]:
    with sip_sandbox({}, {"alice": "secret", "bob": "other"}) as found:
        yield found


def contacts(stage: SipStage, user: str) -> list[str]:
    registrar = stage.embedded.sandbox.sip.agent.registrar  # type: ignore[union-attr]
    return [contact.uri.host for contact in stage.on_engine(lambda: registrar.contacts(user))]


def test_the_right_password_registers(stage: SipStage) -> None:
    with Phone(stage, "bob") as bob:
        answer = bob.register("other", more="Expires: 60")
        assert answer.startswith("SIP/2.0 200")
        assert f"sip:bob@127.0.0.1:{bob.port}" in header(answer, "Contact")
        assert header(answer, "Contact").endswith("expires=60")
        assert contacts(stage, "bob") == ["127.0.0.1"]
        answer = bob.register("other", more="Expires: 0")
        assert answer.startswith("SIP/2.0 200")
        assert header(answer, "Contact") == ""
        assert contacts(stage, "bob") == []


@pytest.mark.parametrize(("user", "password"), [("bob", "wrong"), ("mallory", "other")])
def test_the_wrong_password_does_not(stage: SipStage, user: str, password: str) -> None:
    with Phone(stage, user) as phone:
        assert phone.register(password).startswith("SIP/2.0 403")
    assert contacts(stage, user) == []


def test_nobody_registers_for_somebody_else(stage: SipStage) -> None:
    with Phone(stage, "bob") as bob:
        answer = bob.register("other", to="<sip:alice@127.0.0.1>")
        assert answer.startswith("SIP/2.0 403")
    assert contacts(stage, "alice") == []


def test_too_short_a_time_is_refused(stage: SipStage) -> None:
    with Phone(stage, "bob") as bob:
        answer = bob.register("other", more="Expires: 3")
        assert answer.startswith("SIP/2.0 423")
        assert header(answer, "Min-Expires") == "10"


def test_a_password_proved_long_ago_is_asked_for_again(stage: SipStage) -> None:
    with Phone(stage, "bob") as bob:
        uri = f"sip:{stage.host}:{stage.port}"
        old = 'SIP/2.0 401 x\r\nWWW-Authenticate: Digest realm="mediasim", nonce="1-abc"'
        given = authorization(old, "REGISTER", uri, "bob", "other")
        bob.request("REGISTER", uri, more=f"Authorization: {given}")
        answer = bob.expect("SIP/2.0 401", "REGISTER")
        assert "stale=true" in header(answer, "WWW-Authenticate")
