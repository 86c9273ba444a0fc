"""Digest authentication, against another program's."""

from __future__ import annotations

import hashlib

import pytest
from aiosipua import SipDigestAuth, build_credentials, parse_auth, stringify_auth

from mediasim.sip.digest import Digest, Verdict, credentials
from mediasim.sip.messages import Request, auth_params


def asked(value: str, method: str = "REGISTER") -> Request:
    request = Request(method=method, uri="sip:x")
    if value:
        request.headers.append("Authorization", value)
    return request


class Desk:
    def __init__(self) -> None:
        self.now = 1000.0
        self.digest = Digest({"al": "pw"}, "mediasim", lambda: self.now)

    def judged(self, user: str = "al", password: str = "pw", method: str = "REGISTER") -> Verdict:
        challenge = parse_auth(self.digest.challenge())
        given = build_credentials(SipDigestAuth(user, password), challenge, "REGISTER", "sip:x")
        assert given is not None
        return self.digest.verify(asked(stringify_auth(given), method), "Authorization")[0]


def test_who_knows_the_password_is_who_he_says() -> None:
    desk = Desk()
    assert desk.judged() == "right"
    assert desk.judged(password="px") == "wrong"
    assert desk.judged(user="bo") == "wrong"
    assert desk.judged(method="INVITE") == "wrong"
    assert desk.digest.verify(asked(""), "Authorization") == ("none", "")
    assert desk.digest.verify(asked("Basic YWw6cHc="), "Authorization") == ("none", "")
    other = 'Digest realm="elsewhere", username="al"'
    assert desk.digest.verify(asked(other), "Authorization") == ("none", "")


@pytest.mark.parametrize(("later", "verdict"), [(299.0, "right"), (302.0, "stale")])
def test_a_nonce_has_its_time(later: float, verdict: Verdict) -> None:
    desk = Desk()
    challenge = parse_auth(desk.digest.challenge())
    given = build_credentials(SipDigestAuth("al", "pw"), challenge, "REGISTER", "sip:x")
    assert given is not None
    desk.now += later
    assert desk.digest.verify(asked(stringify_auth(given)), "Authorization")[0] == verdict


def test_a_nonce_of_its_own_making_does_not_help() -> None:
    desk = Desk()
    for nonce in ("3e8-000000000000000000000000", "x", "", "3e8"):
        challenge = parse_auth(f'Digest realm="mediasim", nonce="{nonce or 0}", qop="auth"')
        given = build_credentials(SipDigestAuth("al", "pw"), challenge, "REGISTER", "sip:x")
        assert given is not None
        assert desk.digest.verify(asked(stringify_auth(given)), "Authorization")[0] == "stale"


def test_a_challenge_without_qop_is_answered() -> None:
    """Without qop, as RFC 2069 had it."""
    challenge = auth_params('Digest realm="testrealm@host.com", nonce="dcd98b", opaque="5ccc"')
    assert challenge is not None
    given = credentials(challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html")
    theirs = build_credentials(
        SipDigestAuth("Mufasa", "Circle Of Life"),
        parse_auth('Digest realm="testrealm@host.com", nonce="dcd98b", opaque="5ccc"'),
        "GET",
        "/dir/index.html",
    )
    assert theirs is not None
    assert given is not None
    ours = auth_params(given)
    assert ours is not None
    assert ours["response"] == theirs.params["response"]
    assert ours["opaque"] == "5ccc"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_both_algorithms_are_answered(algorithm: str) -> None:
    text = f'Digest realm="r", nonce="n", algorithm={algorithm}, qop="auth-int, auth"'
    challenge = auth_params(text)
    assert challenge is not None
    given = credentials(challenge, "al", "pw", "INVITE", "sip:x")
    assert given is not None
    ours = auth_params(given)
    assert ours is not None
    theirs = build_credentials(
        SipDigestAuth("al", "pw"), parse_auth(text), "INVITE", "sip:x", cnonce=ours["cnonce"]
    )
    assert theirs is not None
    assert ours["response"] == theirs.params["response"]


@pytest.mark.parametrize(
    "text",
    ['Digest realm="r"', 'Digest nonce="n", algorithm=X', 'Digest nonce="n", qop="auth-int"'],
)
def test_what_cannot_be_answered_is_not(text: str) -> None:
    challenge = auth_params(text)
    assert challenge is not None
    assert credentials(challenge, "al", "pw", "INVITE", "sip:x") is None


def test_a_nonce_serves_each_count_once() -> None:
    desk = Desk()
    challenge = parse_auth(desk.digest.challenge())
    verdicts = []
    for count in ("00000001", "00000001", "00000003", "00000002", "00000003", "0000000a", "x", ""):
        params = {
            "username": "al",
            "realm": "mediasim",
            "nonce": challenge.params["nonce"],
            "uri": "sip:x",
            "qop": "auth",
            "nc": count,
            "cnonce": "c",
        }
        given = hashed(params, "pw", "REGISTER")
        verdicts.append(desk.digest.verify(asked(given), "Authorization")[0])
    assert verdicts == [
        "right",
        "stale",
        "right",
        "stale",
        "stale",
        "right",
        "stale",
        "stale",
    ]


def test_without_a_count_it_serves_once() -> None:
    desk = Desk()
    nonce = parse_auth(desk.digest.challenge()).params["nonce"]
    given = hashed({"username": "al", "realm": "mediasim", "nonce": nonce, "uri": "sip:x"}, "pw")
    found = [desk.digest.verify(asked(given), "Authorization")[0] for _ in range(3)]
    assert found == ["right", "stale", "stale"]


def test_telephones_that_are_asked_in_the_same_second_do_not_disturb_each_other() -> None:
    desk = Desk()
    assert [desk.judged() for _ in range(50)] == ["right"] * 50


def test_however_many_nonces_are_used_none_serves_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediasim.sip.digest._MOST_USED", 40)
    desk = Desk()
    used = []
    for _ in range(200):
        desk.now += 1
        nonce = parse_auth(desk.digest.challenge()).params["nonce"]
        given = hashed(
            {"username": "al", "realm": "mediasim", "nonce": nonce, "uri": "sip:x"}, "pw"
        )
        assert desk.digest.verify(asked(given), "Authorization")[0] == "right"
        used.append(given)
    again = {desk.digest.verify(asked(given), "Authorization")[0] for given in used}
    assert again == {"stale"}


def hashed(params: dict[str, str], password: str, method: str = "REGISTER") -> str:
    """Credentials with a response to these parameters (RFC 7616 section 3.4.1)."""

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    middle = [params["nonce"]]
    if "qop" in params:
        middle += [params["nc"], params["cnonce"], params["qop"]]
    response = md5(
        md5(params["username"], params["realm"], password), *middle, md5(method, params["uri"])
    )
    shown = ", ".join(f'{name}="{value}"' for name, value in params.items())
    return f'Digest {shown}, response="{response}"'
