"""Speech is made in pieces, the shortest first, and not for calls that have ended."""

from __future__ import annotations

import asyncio
import string
import threading
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.parties.voices.catalogue import Voice
from mediasim.parties.voices.clip import Utterance, UtteranceCache
from mediasim.parties.voices.engine import SpeechEngine
from mediasim.parties.voices.speech import LONGEST_PIECE, Speaker, pieces
from mediasim.twilio.studio import Studio

SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "


class Slow(SpeechEngine):
    """Notes what it speaks, and waits for its turn to do so."""

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.turns = threading.Semaphore(0)

    def identity(self, voice: Voice) -> str | None:
        return None

    def speak(self, voice: Voice, text: str) -> NDArray[np.float32]:
        assert self.turns.acquire(timeout=20)
        self.spoken.append(text)
        return np.sin(np.arange(1600, dtype=np.float32))


class NoCache(UtteranceCache):
    def load(self, *key: str) -> None:
        return None

    def store(self, utterance: Utterance, *key: str) -> None:
        pass


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def studio(slow: Slow) -> Studio:
    engines: Mapping[str, SpeechEngine] = dict.fromkeys(("hibari", "espeak", "babble"), slow)
    return Studio(Speaker(engines=engines, cache=NoCache()))


async def begun(slow: Slow, number: int) -> None:
    """Let so many pieces be spoken."""
    before = len(slow.spoken)
    slow.turns.release(number)
    async with asyncio.timeout(20):
        while len(slow.spoken) < before + number:  # noqa: ASYNC110 - it is another thread's
            await asyncio.sleep(0.005)


async def test_a_short_text_waits_for_one_piece_of_a_long_one(studio: Studio, slow: Slow) -> None:
    long = [asyncio.ensure_future(studio.say(f"{n} {SENTENCE * 40}")) for n in range(5)]
    await begun(slow, 12)
    short = asyncio.ensure_future(studio.say("Hello there."))
    await asyncio.sleep(0)
    slow.turns.release(2)
    await asyncio.wait_for(short, 20)
    assert slow.spoken.index("Hello there.") <= 13
    assert not any(each.done() for each in long)
    slow.turns.release(100_000)
    await asyncio.gather(*long)
    studio.close()


async def test_long_texts_take_turns(studio: Studio, slow: Slow) -> None:
    both = [asyncio.ensure_future(studio.say(f"{n} {SENTENCE * 40}")) for n in "ab"]
    await begun(slow, 1)
    await begun(slow, 7)
    slow.turns.release(100_000)
    await asyncio.gather(*both)
    assert abs(slow.spoken.index(f"b {SENTENCE * 4}".strip()) - 1) <= 1
    studio.close()


async def test_what_a_call_no_longer_needs_is_not_made(studio: Studio, slow: Slow) -> None:
    long = asyncio.ensure_future(studio.say(SENTENCE * 200))
    await begun(slow, 3)
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    slow.turns.release(100_000)
    await studio.say("Next.")
    assert len(slow.spoken) <= 5
    assert slow.spoken[-1] == "Next."
    studio.close()


async def test_closing_gives_up_what_is_not_made(studio: Studio, slow: Slow) -> None:
    long = asyncio.ensure_future(studio.say(SENTENCE * 200))
    await begun(slow, 2)
    studio.close()
    slow.turns.release(100_000)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(long, 20)
    assert len(slow.spoken) <= 4


@given(st.text(string.ascii_letters + string.digits + " .,;!?-", max_size=3000))
def test_pieces_are_short_and_lose_nothing_that_can_be_said(text: str) -> None:
    words = " ".join(text.split())
    found = pieces(words)
    assert all(0 < len(piece) <= LONGEST_PIECE + 1 for piece in found)

    def said(of: str) -> str:
        return "".join(c for c in of if c.isalnum())

    assert said("".join(found)) == said(words)
    if any(c.isalnum() for c in words) and len(words) <= LONGEST_PIECE:
        assert found == [words]


def test_a_text_in_pieces_is_all_of_them_with_a_breath_between() -> None:
    speaker = Speaker(cache=NoCache())
    clip = speaker.say(SENTENCE * 12, "babble")
    alone = [speaker.say(piece, "babble") for piece in pieces((SENTENCE * 12).strip())]
    assert len(alone) == 3
    assert len(clip.pcm) == sum(len(each.pcm) for each in alone) + 2 * 2000
    assert [word.text for word in clip.words] == (SENTENCE * 12).split()
    at = 0
    for each in alone:
        said = [word for word in clip.words if at <= word.start < at + len(each.pcm)]
        assert [word.start - at for word in said] == [word.start for word in each.words]
        at += len(each.pcm) + 2000
