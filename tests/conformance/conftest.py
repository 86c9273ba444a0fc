"""The sandbox seen from outside: a process, an app it may call, and Twilio's own SDK.

One sandbox and one app serve all tests of a worker; each test finds them as new.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The judge of responses is shared with the tests of the API inside one process.
sys.path.append(str(Path(__file__).resolve().parents[1] / "twilio"))

from judged_client import judged_client
from number_plan import number_plan
from sandbox_process import Sandbox, running_sandbox
from twilio.rest import Client
from user_app import UserApp, serving_app


@pytest.fixture(scope="session")
def app_server() -> Iterator[UserApp]:
    with serving_app() as app:
        yield app


@pytest.fixture(scope="session")
def virtual_sandbox(
    app_server: UserApp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    folder, config = tmp_path_factory.mktemp("virtual"), number_plan(app_server.url)
    with running_sandbox("--clock", "virtual", config=config, folder=folder) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def manual_sandbox(
    app_server: UserApp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    folder, config = tmp_path_factory.mktemp("manual"), number_plan(app_server.url)
    with running_sandbox("--clock", "manual", config=config, folder=folder) as sandbox:
        yield sandbox


@pytest.fixture
def app(app_server: UserApp) -> Iterator[UserApp]:
    """The app under test. A request that is not signed rightly fails the test."""
    app_server.forget()
    yield app_server
    wrong, app_server.auth_token = app_server.wrong, ""
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def sandbox(virtual_sandbox: Sandbox, app: UserApp) -> Iterator[Sandbox]:
    """Calls happen as fast as the app answers; while it is asked, time stands still."""
    yield from _as_new(virtual_sandbox, app)


@pytest.fixture
def stepped(manual_sandbox: Sandbox, app: UserApp) -> Iterator[Sandbox]:
    """Time passes when the test says so."""
    yield from _as_new(manual_sandbox, app)


def _as_new(sandbox: Sandbox, app: UserApp) -> Iterator[Sandbox]:
    sandbox.control("POST", "/reset")
    app.forget()
    app.auth_token = sandbox.auth_token
    yield sandbox
    assert sandbox.process.poll() is None, sandbox.output()
    assert sandbox.output() == ""


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """Twilio's SDK; each answer is held against Twilio's description."""
    return judged_client(sandbox)


@pytest.fixture
def stepped_client(stepped: Sandbox) -> Client:
    return judged_client(stepped)
