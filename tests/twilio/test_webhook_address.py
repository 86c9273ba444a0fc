"""Where a webhook goes: its URL over the wire, the hosts that may be called, overrides, signature.

The SDK's validator is the judge of signatures.
"""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from mediasim.twilio.webhooks import HostGuard
from mediasim.twilio.webhooks.address import (
    ConnectionOverrides,
    WebhookUrl,
    body_signed_url,
    signature,
)

TOKEN = "0123456789abcdef0123456789abcdef"
URLS = (
    "http://127.0.0.1:5000/voice",
    "http://127.0.0.1/voice",
    "https://app.example/voice?room=4&name=J%C3%BCrgen",
    "http://[::1]:5000/",
    "http://localhost:5000/?empty=&again=1&again=2",
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def refused(url: str, *allowed: str) -> bool:
    """Is a URL refused, as no URL at all or for its host?"""
    try:
        return HostGuard(allowed).refusal(WebhookUrl.parse(url).host) is not None
    except ValueError:
        return True


# -- hosts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/voice",
        "http://LocalHost:5000/voice",
        "HTTP://LOCALHOST.:5000/voice",
        "http://127.0.0.1:5000",
        "https://127.8.9.10/",
        "http://[::1]:5000/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://user:secret@127.0.0.1:5000/",
        "http://evil.com@127.0.0.1/",
        "http://127.0.0.1/?next=http://evil.com/#@evil.com",
    ],
)
def test_this_machine_is_called(url: str) -> None:
    assert not refused(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://93.184.216.34/",
        "http://127.0.0.1.evil.com/",
        "http://127.0.0.1.nip.io/",
        "http://localhost.evil.com/",
        "http://evil.localhost/",
        "http://localhostevil.com/",
        "http://127.0.0.1@evil.com/",
        "http://127.0.0.1:80@evil.com/",
        "http://127.0.0.1%40evil.com/",
        "http://127.0.0.1%2eevil.com/",
        "http://user@127.0.0.1@evil.com/",
        "http://user@evil.com@127.0.0.1/",
        "http://evil.com#@127.0.0.1/",
        "http://evil.com?@127.0.0.1/",
        "http://evil.com\\@127.0.0.1/",
        "http://127.0.0.1\\@evil.com/",
        "http:\\\\127.0.0.1/",
        "http://127.0.0.1 .evil.com/",
        "http://127.0.0.1\t.evil.com/",
        "http://evil.com\n127.0.0.1/",
        "http://127.0.0.1\x00.evil.com/",
        # Other spellings of addresses, which readers understand differently.
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.01/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://ⓛocalhost/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[::1%25eth0]/",
        "http://[fe80::1]/",
        "http://[::1].evil.com/",
        "http://[::1]evil.com/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        # No URLs to call.
        "",
        "/voice",
        "//127.0.0.1/voice",
        "127.0.0.1:5000/voice",
        "http:///voice",
        "http://:5000/voice",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1:5 000/",
        "http://[::1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "javascript:alert(1)",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    assert refused(url)


def test_the_user_may_allow_hosts() -> None:
    assert not refused("http://Host.Docker.Internal:5000/", "host.docker.internal")
    assert not refused("http://[fd00::7]/", "[fd00::7]")
    assert refused("http://sub.example.com/", "example.com")
    assert not refused("http://anything.example/", "*")


def test_a_refusal_says_what_would_be_right() -> None:
    assert "localhost, 127.0.0.1, [::1]" in str(HostGuard().refusal("example.com"))


# -- the URL over the wire ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/"),
        ("http://127.0.0.1:5000?", "http://127.0.0.1:5000/"),
        (" http://LOCALHOST:80/Voice ", "http://localhost/Voice"),
        ("https://127.0.0.1:443/", "https://127.0.0.1/"),
        ("https://127.0.0.1:80/", "https://127.0.0.1:80/"),
        ("http://127.0.0.1/a/./b/../c", "http://127.0.0.1/a/c"),
        ("http://127.0.0.1/a/..", "http://127.0.0.1/"),
        ("http://127.0.0.1/../../a//b/", "http://127.0.0.1/a//b/"),
        ("http://127.0.0.1/über?wer=Jürgen", "http://127.0.0.1/%C3%BCber?wer=J%C3%BCrgen"),
        ("http://127.0.0.1/100%?x=%zz%41", "http://127.0.0.1/100%25?x=%25zz%41"),
        ("http://127.0.0.1/a?x=it's&y=a:b@c", "http://127.0.0.1/a?x=it's&y=a:b@c"),
        ("http://me:pass@127.0.0.1:5000/a#rc=2", "http://127.0.0.1:5000/a"),
    ],
)
def test_the_url_that_is_requested(written: str, wire: str) -> None:
    assert WebhookUrl.parse(written).url() == wire


def test_more_in_the_query() -> None:
    assert WebhookUrl.parse("http://127.0.0.1/a").url("b=1") == "http://127.0.0.1/a?b=1"
    assert WebhookUrl.parse("http://127.0.0.1/a?c=&c").url("b=1") == "http://127.0.0.1/a?c=&c&b=1"


@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    query=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_an_http_client_changes_nothing_in_it(path: str, query: str) -> None:
    """What is signed is what the client sends: httpx is the judge."""
    import httpx2

    try:
        url = WebhookUrl.parse(f"http://127.0.0.1:5000/{path}?{query}").url()
    except ValueError:
        return
    assert str(httpx2.URL(url)) == url
    assert httpx2.URL(url).host == "127.0.0.1"


@given(st.text(st.sampled_from("ht:/p127.0lcaos@[]#?\\%e ,;&=."), max_size=30))
def test_the_host_checked_is_the_host_called(rest: str) -> None:
    import httpx2

    try:
        address = WebhookUrl.parse(f"http://{rest}")
    except ValueError:
        return
    assert httpx2.URL(address.url()).host == address.host == urlsplit(address.url()).hostname


def test_name_and_password() -> None:
    address = WebhookUrl.parse("http://me:p%40ss%3A%C3%BC@127.0.0.1/a?b")
    assert address.authorization == "Basic " + base64.b64encode("me:p@ss:ü".encode()).decode()
    assert address.base == "http://me:p%40ss%3A%C3%BC@127.0.0.1/a?b"
    assert WebhookUrl.parse("http://127.0.0.1/").authorization is None


# -- connection overrides -----------------------------------------------------------------------


def test_defaults_of_overrides() -> None:
    for fragment in ("", "top", "e=dublin&sni=y", "rc=&ct=soon&rt=-5&tt=1.5"):
        assert ConnectionOverrides.parse(fragment) == ConnectionOverrides(
            1, frozenset({"ct"}), 5, 15, 15
        )


def test_overrides() -> None:
    read = ConnectionOverrides.parse("rc=3&rp=5xx,CT&ct=250&rt=2000&tt=9000")
    assert read == ConnectionOverrides(3, frozenset({"5xx", "ct"}), 0.25, 2, 9)
    assert read.retry("5xx")
    assert not read.retry("4xx")
    assert ConnectionOverrides.parse("rp=all").retry("4xx")


def test_overrides_out_of_range_are_the_nearest_in_it() -> None:
    least = ConnectionOverrides.parse("rc=0&ct=0&rt=1&tt=99")
    assert least == ConnectionOverrides(0, frozenset({"ct"}), 0.1, 0.1, 0.1)
    most = ConnectionOverrides.parse(f"rc=99&ct=60000&rt=60000&tt={'9' * 5000}")
    assert most == ConnectionOverrides(5, frozenset({"ct"}), 10, 15, 15)


def test_a_retry_policy_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"rp=3xx; rp is a list of 4xx, 5xx, ct, rt, all"):
        ConnectionOverrides.parse("rp=3xx,ct")


# -- signature ----------------------------------------------------------------------------------


class MultiDict(dict[str, list[str]]):
    """As web frameworks give a form: a name may have several values."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


@pytest.mark.parametrize("url", URLS)
@given(params=st.lists(st.tuples(texts, texts), max_size=6))
def test_the_validator_agrees(url: str, params: list[tuple[str, str]]) -> None:
    form = MultiDict()
    for name, value in params:
        form.setdefault(name, []).append(value)
    assert RequestValidator(TOKEN).validate(url, form, signature(TOKEN, url, params))


def test_the_example_of_twilios_own_page() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    assert signature("12345", url, params.items()) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


@pytest.mark.parametrize("url", URLS)
def test_a_body_that_is_no_form_is_named_in_the_url(url: str) -> None:
    body = '{"übung": [1, 2]}'
    signed = body_signed_url(url, body.encode())
    validator = RequestValidator(TOKEN)
    assert validator.validate(signed, body, signature(TOKEN, signed))
    assert not validator.validate(signed, body + " ", signature(TOKEN, signed))


def test_another_token_url_or_value_is_another_signature() -> None:
    params = [("Digits", "1")]
    signed = signature(TOKEN, URLS[0], params)
    others = (
        signature("another", URLS[0], params),
        signature(TOKEN, URLS[1], params),
        signature(TOKEN, URLS[0], [("Digits", "2")]),
    )
    assert signed not in others
