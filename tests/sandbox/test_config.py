"""Config files: what they say, and how mistakes in them are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mediasim.audio.wav import write_wav
from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.config import Config, config_schema, load_config, parse_config
from mediasim.scenario.model.steps import Hangup, Say

FULL = """
account: {sid: AC0123456789abcdef0123456789abcdef, auth_token: secret-token, friendly_name: Mine}
numbers:
  +14155550199: http://127.0.0.1:5000/voice
  +14155550198:
    twiml: <Response><Hangup/></Response>
    status_callback: http://127.0.0.1:5000/status
    status_callback_method: GET
    friendly_name: Hot line
parties:
  alice:
    number: +14155550101
    voice: amy
    answer: 2s
    network: {delay: 40ms}
    script: [{say: Hello}, hangup]
  bob: {answer: busy}
  carol: {answer: {outcome: reject, after: 3s}}
  dave: {answer: failed}
default: {answer: no-answer}
allow_hosts: [example.com]
media_auth: no
profile: 2025-09
seed: 7
"""


def parse(text: str, base: Path = Path()) -> Config:
    return parse_config(text, base=base)


def problems(text: str, base: Path = Path()) -> list[str]:
    with pytest.raises(ScenarioError) as wrong:
        parse_config(text, base=base, file=Path("plan.yaml"))
    return [str(problem) for problem in wrong.value.problems]


def test_a_whole_config() -> None:
    config = parse(FULL)
    assert config.account.sid == "AC0123456789abcdef0123456789abcdef"
    assert config.account.auth_token == "secret-token"
    assert config.numbers["+14155550199"].voice_url == "http://127.0.0.1:5000/voice"
    assert config.numbers["+14155550198"].twiml == "<Response><Hangup/></Response>"
    assert config.numbers["+14155550198"].status_callback_method == "GET"
    assert config.parties["alice"].script == (Say(text="Hello"), Hangup())
    answers = {name: party.answer.answering for name, party in config.parties.items()}
    assert answers["alice"].after_ns == 2_000_000_000
    assert [answers[name].outcome for name in answers] == ["answer", "busy", "reject", "failed"]
    assert config.default.answer.outcome == "no-answer"
    assert (config.allow_hosts, config.media_auth) == (("example.com",), False)
    assert (config.profile, config.seed) == ("2025-09", 7)


def test_the_schema_for_editors_takes_what_the_reader_takes() -> None:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    schema = config_schema()
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema)
    assert not list(checker.iter_errors({"numbers": {"+14155550100": "http://a/"}, "seed": 3}))
    assert not list(checker.iter_errors({"parties": {"a": {"answer": "failed"}}, "default": None}))
    hosts = {"demo.ngrok.app": "http://127.0.0.1:5050", "*.test": "https://localhost:5443"}
    assert not list(checker.iter_errors({"hosts": hosts, "trust": "a.pem", "epoch": "2026-01-05"}))
    assert list(checker.iter_errors({"hosts": {"demo.ngrok.app": "5050"}}))
    assert list(checker.iter_errors({"parties": {"a": {"answer": "never"}}}))
    assert list(checker.iter_errors({"numbers": {"+14155550100": {"url": "http://a/"}}}))


def test_everything_may_be_absent() -> None:
    config = Config()
    assert config.media_auth is None
    assert not config.numbers
    assert [name for _, name, _ in config.callees()] == ["default"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "partys: {}",
            "plan.yaml:1:1: partys: unknown key; expected one of account, numbers, parties, "
            "default, allow_hosts, hosts, trust, stream_grace, media_auth, recordings, insights, "
            "recogniser, profile, seed, epoch, sip, weather; did you mean 'parties'?",
        ),
        (
            "recordings: {retention: often}",
            "plan.yaml:1:25: recordings.retention: expected a duration such as 1.5s, 90m, 12h, 30d "
            "or 1d12h, found 'often'",
        ),
        (
            "recordings: {encryption: nowhere.pem}",
            "plan.yaml:1:26: recordings.encryption: expected a PEM file of a public key, or true, "
            "found 'nowhere.pem': No such file or directory",
        ),
        (
            'recordings: {encryption: "-----BEGIN RSA PRIVATE KEY-----"}',
            "plan.yaml:1:26: recordings.encryption: this is a private key, which only you may "
            "have: openssl rsa -in private_key.pem -pubout makes it public",
        ),
        (
            "recordings: {storage: calls}",
            "plan.yaml:1:23: recordings.storage: expected a bucket such as s3://my-recordings/calls,"
            " or its https URL of AWS, found 'calls'",
        ),
        (
            "recordings:\n  storage: s3://my-recordings",
            "plan.yaml:2:12: recordings.storage: expected this machine's own host or one of "
            "allow_hosts, found my-recordings.s3.us-east-1.amazonaws.com",
        ),
        (
            "recordings:\n  storage: {bucket: s3://calls, endpoint: http://localhost, "
            "access_key_id: key}",
            "plan.yaml:2:76: recordings.storage.access_key_id: expected access_key_id and "
            "secret_access_key together",
        ),
        (
            "numbers:\n  +14155550100: nowhere",
            "plan.yaml:2:17: numbers.+14155550100: expected a URL such as "
            "http://127.0.0.1:5000/voice, found 'nowhere': it must be an absolute URL that begins "
            "with http:// or https://",
        ),
        (
            "numbers:\n  12: http://127.0.0.1/",
            "plan.yaml:2:3: numbers.12: expected a number such as +14155550100, found '12'",
        ),
        (
            "numbers:\n  +14155550100:\n    voice_url: http://a/\n    twiml: <Response/>",
            "plan.yaml:4:12: numbers.+14155550100.twiml: expected voice_url or twiml, found both",
        ),
        (
            "numbers: {+14155550100: http://a/}\nparties:\n  a: {number: +14155550100}",
            "plan.yaml:3:15: parties.a.number: +14155550100 is an app's number already",
        ),
        (
            "parties:\n  a: {number: +14155550100}\n  b: {number: +14155550100}",
            "plan.yaml:3:15: parties.b.number: +14155550100 is a's number already",
        ),
        (
            "parties:\n  a: {answer: never}",
            "plan.yaml:2:15: parties.a.answer: expected one of answer, no-answer, busy, reject, "
            "failed, or a duration such as 1.5s or 500ms after which it answers, found 'never'; "
            "did you mean 'no-answer'?",
        ),
        (
            "parties:\n  a: {answer: {outcome: busy, rings_after: 3s}}",
            "plan.yaml:2:44: parties.a.answer.rings_after: expected none: a telephone that is busy "
            "never rings",
        ),
        (
            "parties:\n  a: {voice: nobody}",
            "plan.yaml:2:14: parties.a.voice: there is no voice 'nobody'; the voices are amy, ben, "
            "emma, daniel, chloe, jack, grace, liam, fergus, henry, isla, babble",
        ),
        (
            "default: {number: +14155550100}",
            "plan.yaml:1:19: default.number: it answers any number: give it none",
        ),
        (
            "parties:\n  default: {}",
            "plan.yaml:2:12: parties.default: write it as default: beside parties, not among them",
        ),
        (
            "account: {sid: AC1}",
            "plan.yaml:1:16: account.sid: expected AC and 32 hexadecimal digits, found 'AC1'",
        ),
        (
            f"account: {{sid: AC{'1' * 32}, test_sid: AC{'1' * 32}}}",
            "plan.yaml:1:62: account.test_sid: expected another AccountSid than the account's own "
            "sid",
        ),
        (
            "account: {countries: [GB, UK]}",
            "plan.yaml:1:27: account.countries[1]: expected a country's ISO code such as GB, or "
            "all, found 'UK'",
        ),
        (
            "sip: {siprec: {a: {server: simulated, header: To}}}",
            "plan.yaml:1:47: sip.siprec.a.header: expected a header such as X-Auth-Token, found "
            "To, which SIP needs",
        ),
        (
            'sip: {siprec: {a: {server: simulated, header: X-A, credentials: "b\\r\\nTo: c"}}}',
            "plan.yaml:1:65: sip.siprec.a.credentials: expected printable characters in one line",
        ),
        (
            "sip: {siprec: {a: {server: simulated, credentials: secret}}}",
            "plan.yaml:1:52: sip.siprec.a.credentials: expected header too, the name of the SIP "
            "header they go in",
        ),
        (
            "numbers: {+14155550100: {twiml: Hello}}",
            "plan.yaml:1:33: numbers.+14155550100.twiml: expected TwiML such as <Response/>: "
            "Document parse failure: syntax error, line 1",
        ),
        (
            "numbers: {+14155550100: {twiml: <Say/>}}",
            "plan.yaml:1:33: numbers.+14155550100.twiml: expected TwiML such as <Response/>: "
            "Document parse failure: the root element is 'Say', where TwiML has <Response>, line 1",
        ),
        (
            "allow_hosts: [example.com, 'http://example.com']",
            "plan.yaml:1:28: allow_hosts[1]: expected the name or address of a host, without "
            "scheme and port, or *, found 'http://example.com'",
        ),
        (
            "profile: 2023",
            "plan.yaml:1:10: profile: expected one of 2016-legacy, 2022-05, 2024-07, 2025-09, "
            "found '2023'",
        ),
    ],
)
def test_a_mistake_is_told_where_it_is_with_what_would_be_right(text: str, told: str) -> None:
    assert problems(text) == [told]


def test_what_cannot_be_said_or_played_is_told(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"no audio at all")
    text = "parties:\n  a:\n    script:\n      - say: '...'\n      - play: noise.wav\n"
    told = problems(text, tmp_path)
    assert len(told) == 2
    assert "script[0].say: there is nothing to say in '...'" in told[0]
    assert "script[1].play" in told[1]


def test_files_are_seen_from_the_configs_folder(tmp_path: Path) -> None:
    write_wav(tmp_path / "hello.wav", np.zeros((1, 800), np.int16))
    (tmp_path / "plan.yaml").write_text("default: {script: [{play: hello.wav}]}")
    assert load_config(tmp_path / "plan.yaml").base == tmp_path


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"seed: \xff")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        load_config(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ScenarioError, match="larger than"):
        load_config(tmp_path / "large.yaml")
