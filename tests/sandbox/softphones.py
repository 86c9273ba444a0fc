"""A browser with a fake microphone, and sounds that are found again in recordings."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect, sync_playwright

__all__ = [
    "CHROMIUM",
    "PATIENCE_S",
    "Telephones",
    "babble",
    "found_at",
    "read_wav",
    "telephones",
    "write_wav",
]

PATIENCE_S: Final = 30.0
"""For what is to happen at all: a browser and a server start beside other tests."""

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def babble(seed: int, seconds: float, rate: int = 8000) -> NDArray[np.int16]:
    """Noise of speech's band that comes and goes as syllables do; no two seeds are alike."""
    generator = np.random.default_rng(seed)
    count = round(seconds * rate)
    spectrum = np.fft.rfft(generator.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequency < 350) | (frequency > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    syllables = np.repeat(generator.uniform(0.1, 1, count // (rate // 8) + 1), rate // 8)[:count]
    shaped = noise * syllables
    samples: NDArray[np.int16] = (shaped / np.abs(shaped).max() * 16_000).astype(np.int16)
    return samples


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(data: bytes) -> NDArray[np.int16]:
    """Samples, a column for each channel."""
    with wave.open(BytesIO(data)) as file:
        assert file.getframerate() == 8000
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(
            -1, file.getnchannels()
        )


def found_at(part: NDArray[np.int16], channel: NDArray[np.int16]) -> tuple[float, int]:
    """How well a sound is found in a channel (1: exactly), and where."""
    size = 1 << (len(part) + len(channel)).bit_length()
    sound, heard = part.astype(float), channel.astype(float)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
    energy = np.cumsum(np.concatenate(([0.0], heard**2)))
    count = len(channel) - len(part) + 1
    norm = np.sqrt((energy[len(part) :] - energy[:count]) * (sound**2).sum()) + 1e-9
    score = np.abs(product[:count]) / np.maximum(norm, norm.max() / 10)
    return float(score.max()), int(score.argmax())


class Telephones:
    """Pages of one browser."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self.complaints: list[str] = []
        self.signals: list[str] = []
        """All that pages have said over their WebSockets."""

    def open(self, url: str, identity: str = "", *, codec: str = "opus") -> Page:
        """A page that is registered, if by any name, with its microphone as it is."""
        page = self.visit(url)
        page.locator("#options summary").click()
        page.get_by_label("Clean up the microphone").uncheck()
        page.get_by_label("Codec").select_option(codec)
        if identity:
            page.get_by_label("Be the client").fill(identity)
            page.get_by_role("button", name="Register").click()
            page.get_by_text(f"client:{identity}", exact=True).wait_for()
        return page

    def new_page(self) -> Page:
        """An empty page whose complaints count."""
        page = self._context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        page.on("websocket", lambda it: it.on("framesent", lambda text: self._signalled(text)))
        return page

    def visit(self, url: str, *, socket: Callable[[WebSocketRoute], object] | None = None) -> Page:
        """A page as it opens; ``socket`` may keep it waiting for the sandbox."""
        page = self.new_page()
        if socket is not None:
            page.route_web_socket("**/softphone/ws", socket)
        page.goto(f"{url}/softphone")
        return page

    def _signalled(self, text: str | bytes) -> None:
        self.signals.append(str(text))

    def _said(self, message: Any) -> None:
        if message.type == "error" and "WebSocket" not in message.text:
            self.complaints.append(message.text)


@contextmanager
def telephones(microphone: Path, **context: Any) -> Iterator[Telephones]:
    """Headless, on loopback alone; what a page's console complains of fails the test."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
            ],
        )
        with browser.new_context(**context) as visit:
            found = Telephones(visit)
            yield found
        browser.close()
    assert found.complaints == [], found.complaints
