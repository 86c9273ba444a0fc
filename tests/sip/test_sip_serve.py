"""``mediasim serve --sip``: where it listens, and what it refuses."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from serving import serving
from typer.testing import CliRunner

from mediasim.cli import app as commands
from mediasim.documents.diagnostics import ScenarioError
from mediasim.sandbox.config import parse_config
from mediasim.sandbox.config_account import SipAddress, read_sip_address
from mediasim.sandbox.settings import Settings


def config(**sip: object) -> dict[str, object]:
    return {"sip": sip}


def test_an_address_is_a_port_or_a_host_with_one() -> None:
    assert read_sip_address("5060") == SipAddress("127.0.0.1", 5060)
    assert read_sip_address("0.0.0.0:5061") == SipAddress("0.0.0.0", 5061)
    assert read_sip_address("[::1]:5062") == SipAddress("::1", 5062)
    for wrong in ("", "host", "5060:host", "70000", "::1:5060"):
        with pytest.raises(ValueError, match="expected PORT or HOST:PORT"):
            read_sip_address(wrong)


def test_the_command_line_goes_before_the_config_file() -> None:
    plan = parse_config("sip: 5061", base=Path())
    assert Settings(config=plan).sip == ("127.0.0.1", 5061)
    assert Settings(config=plan, sip_override=SipAddress("::1", 0)).sip == ("::1", 0)
    assert Settings().sip is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sip: nowhere", "expected PORT or HOST:PORT, such as 5060, found 'nowhere'"),
        ("sip: {users: {a b: c}}", "a name of letters, digits"),
        ("parties: {al: {}}\nsip: {users: {al: x}}", "al is a simulated party already"),
        ("sip: {prot: 1}", "prot"),
    ],
)
def test_mistakes_in_a_config_are_told(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_config(text, base=Path())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clock", "virtual"), "SIP telephones live in real time, not at a virtual clock"),
        (("--clock", "manual"), "not at a manual clock: serve with --clock real"),
        (("--rate", "2"), "SIP telephones live in real time, not at that rate"),
    ],
)
def test_other_clocks_are_refused(options: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(commands, ["serve", "--in-memory", "--sip", "0", *options])
    assert result.exit_code == 2
    assert words in result.output


def test_a_wrong_address_is_refused() -> None:
    result = CliRunner().invoke(commands, ["serve", "--in-memory", "--sip", "here"])
    assert result.exit_code == 2
    assert "--sip: expected PORT or HOST:PORT" in result.output


@pytest.mark.realtime
def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        options = ["serve", "--in-memory", "--port", "0", "--sip", str(port)]
        result = CliRunner().invoke(commands, options)
    assert result.exit_code == 2
    assert f"cannot listen for SIP on 127.0.0.1:{port}: " in result.output


@pytest.mark.realtime
def test_it_tells_where_telephones_call() -> None:
    with serving("--in-memory", "--sip", "0") as sandbox:
        (line,) = (line for line in sandbox.lines if line.startswith("SIP"))
        status, words = sandbox.control("POST", "/clock/rate", {"rate": 2})
        assert (status, words) == (
            409,
            "SIP telephones live in real time: the clock's rate stays 1",
        )
        found = re.fullmatch(r"SIP telephones at sip:127\.0\.0\.1:(\d+), UDP and TCP", line)
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), 2):
            pass
