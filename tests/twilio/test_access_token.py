"""Access tokens, made by Twilio's own helper library, and everything that may be wrong with one."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VideoGrant, VoiceGrant

from mediasim.twilio.access_token import (
    VoiceToken,
    check_identity,
    is_advised,
    mint,
    read_access_token,
)
from mediasim.twilio.errors import TwilioError, not_found
from mediasim.twilio.resources import KeyRecord

ACCOUNT = "AC" + "1" * 32
KEY = KeyRecord("SK" + "2" * 32, ACCOUNT, "app", "s" * 32, 0)
APPLICATION = "AP" + "3" * 32
NOW = int(time.time())


def find_key(sid: str) -> KeyRecord:
    if sid != KEY.sid:
        raise not_found(f"/Keys/{sid}")
    return KEY


def read(token: str, now_s: int | None = None) -> VoiceToken:
    """``now_s``: when, if not now, which is when the library makes its tokens."""
    at = int(time.time()) if now_s is None else now_s
    return read_access_token(token, account_sid=ACCOUNT, find_key=find_key, now_s=at)


def sdk_token(**changes: Any) -> AccessToken:
    asked = {
        "account_sid": ACCOUNT,
        "signing_key_sid": KEY.sid,
        "secret": KEY.secret,
        "identity": "alice",
    }
    token = AccessToken(**{**asked, **changes})
    token.add_grant(VoiceGrant(incoming_allow=True, outgoing_application_sid=APPLICATION))
    return token


def signed(header: dict[str, Any] | None = None, secret: str = KEY.secret, **changes: Any) -> str:
    claims = {
        "iss": KEY.sid,
        "sub": ACCOUNT,
        "exp": int(time.time()) + 600,
        "grants": {"identity": "alice", "voice": {"incoming": {"allow": True}}},
        **changes,
    }
    headers = {"cty": "twilio-fpa;v=1"} if header is None else header
    return jwt.encode(claims, secret, algorithm="HS256", headers=headers)


def code_of(token: str, now_s: int | None = None) -> tuple[int, str]:
    with pytest.raises(TwilioError) as refused:
        read(token, now_s)
    assert refused.value.status == 401
    return refused.value.code, refused.value.message


def test_a_token_of_twilios_library_says_who_it_is_and_what_it_may() -> None:
    found = read(sdk_token().to_jwt())
    assert (found.identity, found.incoming, found.application_sid) == ("alice", True, APPLICATION)
    assert 3590 <= found.expires_s - time.time() <= 3601


def test_a_grant_may_allow_nothing_or_carry_parameters() -> None:
    token = AccessToken(ACCOUNT, KEY.sid, KEY.secret, identity="bob")
    token.add_grant(VoiceGrant())
    assert read(token.to_jwt()) == VoiceToken(
        "bob", False, None, {}, read(token.to_jwt()).expires_s, account_sid=ACCOUNT
    )
    token = AccessToken(ACCOUNT, KEY.sid, KEY.secret, identity="bob")
    grant = VoiceGrant(outgoing_application_sid=APPLICATION)
    grant.outgoing_application_params = {"team": "blue"}
    token.add_grant(grant)
    assert read(token.to_jwt()).params == {"team": "blue"}


def test_what_is_minted_here_is_read_here() -> None:
    made = mint(ACCOUNT, KEY, "alice", now_s=NOW, application_sid=APPLICATION, life_s=60)
    assert read(made, NOW) == VoiceToken(
        "alice", True, APPLICATION, {}, NOW + 60, account_sid=ACCOUNT
    )
    assert jwt.get_unverified_header(made)["cty"] == "twilio-fpa;v=1"


def test_another_signature_is_refused() -> None:
    code, words = code_of(sdk_token(secret="x" * 32).to_jwt())
    assert code == 20107
    assert KEY.sid in words


def test_a_changed_payload_is_refused() -> None:
    head, body, tail = signed().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["grants"]["identity"] = "mallory"
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert code_of(f"{head}.{body}.{tail}")[0] == 20107


def test_no_algorithm_is_no_signature() -> None:
    claims = {"iss": KEY.sid, "sub": ACCOUNT, "exp": NOW + 60, "grants": {"identity": "alice"}}
    token = jwt.encode(claims, "", algorithm="none", headers={"cty": "twilio-fpa;v=1"})
    assert code_of(token)[0] == 20102


def test_times_are_checked_by_the_clock_that_is_given() -> None:
    token = signed(nbf=NOW, exp=NOW + 600)
    read(token, NOW + 599)
    assert code_of(token, NOW + 700)[0] == 20104
    assert code_of(token, NOW - 100)[0] == 20105
    assert code_of(signed(exp=NOW + 2 * 86_400))[0] == 20157
    assert code_of(signed(exp="soon"))[0] == 20101
    assert code_of(signed(exp=None))[0] == 20101


def test_the_key_and_the_account_are_ours() -> None:
    code, words = code_of(signed(iss="SK" + "9" * 32))
    assert code == 20103
    assert "no API key" in words
    assert code_of(signed(sub="AC" + "9" * 32))[0] == 20103


def test_the_header_says_that_it_is_twilios() -> None:
    assert code_of(signed(header={}))[0] == 20102


def test_it_is_a_token_at_all() -> None:
    for text in ("", "alice", "a.b.c", "é.é.é"):
        assert code_of(text)[0] == 20101


def test_a_grant_of_voice_is_needed() -> None:
    token = AccessToken(ACCOUNT, KEY.sid, KEY.secret, identity="alice")
    token.add_grant(VideoGrant(room="one"))
    code, words = code_of(token.to_jwt())
    assert code == 20106
    assert "grants.voice" in words
    assert code_of(signed(grants=[]))[0] == 20106
    assert code_of(signed(grants={"identity": "a", "voice": {"incoming": 1}}))[0] == 20106
    assert (
        code_of(signed(grants={"identity": "a", "voice": {"outgoing": {"params": 1}}}))[0] == 20106
    )


@pytest.mark.parametrize("identity", ["", " a", "a ", "a\nb", "\0", "x" * 122, None, 7])
def test_an_identity_is_a_short_text_that_can_be_printed(identity: object) -> None:
    with pytest.raises(TwilioError, match="1 to 121 characters"):
        check_identity(identity)
    assert code_of(signed(grants={"identity": identity, "voice": {}}))[0] == 20106


@pytest.mark.parametrize("identity", ["a", "x" * 121, "a-b", "ann@example.com", "Ann Lee"])
def test_an_identity_may_have_characters_that_twilio_only_advises_against(identity: str) -> None:
    assert check_identity(identity) == identity
    assert read(signed(grants={"identity": identity, "voice": {}})).identity == identity
    assert is_advised(identity) == identity.isalnum()
