"""A browser for tests of pages: the system's Chromium, or none and a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

__all__ = ["CHROMIUM", "Visits", "chromium"]

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

_PATIENCE_MS: Final = 30_000
"""For what is to happen at all: a browser and a server start beside other tests."""


class Visits:
    """Visits of the inspector, each in a context of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def __call__(self, url: str, ready: str = "main > article", **context: Any) -> Iterator[Page]:
        """The page at a URL once ``ready`` is in it; what its console complains of is a failure."""
        complaints = list[str]()
        with self._browser.new_context(**context) as visit:
            page = visit.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda it: complaints.append(it.text) if _is_fault(it) else None)
            page.goto(url)
            page.wait_for_selector(ready, state="attached")
            yield page
        assert complaints == []


@contextmanager
def chromium() -> Iterator[Visits]:
    """Headless, with sound that nobody hears."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield Visits(browser)
        browser.close()


def _is_fault(message: ConsoleMessage) -> bool:
    """What a script complained of; answers with an error status are part of some tests."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")
