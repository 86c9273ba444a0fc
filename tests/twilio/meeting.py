"""Calls that meet on one account: each caller's number has a document of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
from account_stage import APP, APP_NUMBER, AccountStage, Step
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.audio.tones import noise
from mediasim.audio.wav import read_wav
from mediasim.exchange.records import CallRecord, RecordingRecord
from mediasim.net.virtual_loop import VirtualLoop

Samples = NDArray[np.int16]
PATH = 5 * 160
"""Samples from when a word is said to when the server has it."""


def words(seed: int, seconds: float = 1.0) -> Samples:
    """A noise of its own, as it comes out of a telephone line."""
    pcm = noise("white", round(seconds * 8000), -20, np.random.default_rng(seed))
    return ulaw_decode(ulaw_encode(pcm))


def place_of(channel: Samples, said: Samples) -> int:
    """The sample at which a sound stands in a channel, exactly as it is; -1 if nowhere."""
    starts = np.flatnonzero(channel[: max(0, len(channel) - len(said) + 1)] == said[0])
    for start in starts.tolist():
        if np.array_equal(channel[start : start + len(said)], said):
            return int(start)
    return -1


def on_account(
    directory: Path, main: Callable[[AccountStage], Coroutine[Any, Any, Any]], **exchange: Any
) -> AccountStage:
    """Run something on an account of its own, until every call has ended."""

    async def conduct() -> AccountStage:
        account = AccountStage(directory, **exchange)
        answers = account.app.answers
        answers["/voice"] = lambda params: answers[params["From"]]
        account.number(APP_NUMBER, "/voice")
        await main(account)
        await account.over()
        return account

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(conduct())


def comes(account: AccountStage, who: str, document: str, *steps: Step) -> CallRecord:
    """Somebody calls the app, which answers with this document."""
    account.app.answers[who] = f"<Response>{document}</Response>"
    return account.service.place_inbound(who, APP_NUMBER, account.telephone(who, *steps))


async def until(account: AccountStage, seconds: float) -> None:
    """Until a time, in seconds from the beginning."""
    await account.exchange.sleep_until(round(seconds * 1e9))


def recordings(account: AccountStage, source: str) -> list[RecordingRecord]:
    """The account's recordings of a source, oldest first."""
    return [each for each in account.exchange.catalogue.recordings() if each.source == source]


def media(account: AccountStage, record: RecordingRecord) -> Samples:
    """The channels of a recording: (channels, samples)."""
    return read_wav(account.exchange.store.wav_path(record.sid)).pcm


def told(account: AccountStage, path: str, *names: str) -> list[tuple[str, ...]]:
    """Some parameters of each request to a path of the app."""
    return [tuple(params.get(name, "-") for name in names) for params in account.app.asked(path)]


STATUS = f'statusCallback="{APP}/conference" statusCallbackEvent='


def ended(account: AccountStage) -> dict[str, float]:
    """When each caller's call ended, in seconds, by number."""
    calls = account.exchange.catalogue.calls()
    return {call.from_: (call.ended_ns or 0) / 1e9 for call in calls}


def codes(account: AccountStage) -> list[int]:
    """Of everything that was noted for the developer."""
    return [note.error_code for note in account.service.notifications]
