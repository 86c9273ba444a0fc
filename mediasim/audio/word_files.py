"""Files that say when each word of an audio file is spoken: CTM, Praat's TextGrid, and JSON.

- CTM (NIST): a line a word, ``recording channel start duration word``; of several recordings those
  lines are taken that name the audio file.
- TextGrid (Praat, Montreal Forced Aligner), long or short: the tier of intervals named ``words``,
  or the only one. Intervals without a text are pauses.
- JSON: a list of ``{"word": …, "start": …, "end": …}`` with seconds, or an object that has one
  under ``words``; ``segments`` with ``words`` in each (Whisper), or ``tiers`` (Montreal Forced
  Aligner).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from mediasim.audio.frames import SAMPLE_RATE
from mediasim.audio.word_time import WordTime

__all__ = ["WORD_FILES", "SpokenWord", "WordFileError", "read_word_times", "word_times"]

T = TypeVar("T")


class WordFileError(ValueError):
    """Raised for a file of word times that cannot be read; the message names its line."""

    def __init__(self, path: str | PathLike[str], problem: str) -> None:
        super().__init__(f"{fspath(path)}: {problem}")


class SpokenWord(NamedTuple):
    """A word with its place in seconds."""

    text: str
    start: float
    end: float
    estimated: bool = False


_Words = Iterator[SpokenWord]
_PAUSES: Final = frozenset({"", "sil", "sp", "spn", "<eps>", "<sil>", "<p:>"})
"""What aligners write where nothing is said."""


def read_word_times(
    path: str | PathLike[str], *, recording: str = "", rate: int = SAMPLE_RATE
) -> tuple[WordTime, ...]:
    """Read a file of word times as words with samples at ``rate``, in order.

    ``recording`` is the audio file's name without its suffix, by which a CTM of several recordings
    is searched. Raises WordFileError for a file of another kind, or one that cannot be read.
    """
    place = Path(path)
    reader = WORD_FILES.get(place.suffix.lower())
    if reader is None:
        known = ", ".join(WORD_FILES)
        raise WordFileError(path, f"is no file of word times: expected one of {known}")
    try:
        found = list(reader(place.read_text("utf-8-sig"), recording))
    except OSError as error:
        raise WordFileError(path, f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise WordFileError(path, "is nested too deeply") from None
    except UnicodeDecodeError:
        raise WordFileError(path, "is not UTF-8 text") from None
    except ValueError as error:
        raise WordFileError(path, str(error)) from None
    if not found:
        raise WordFileError(path, "has no words")
    return word_times(found, rate)


def word_times(words: Sequence[SpokenWord], rate: int = SAMPLE_RATE) -> tuple[WordTime, ...]:
    """Return words in order of their starts, with samples at ``rate``."""
    return tuple(
        WordTime(it.text, round(it.start * rate), round(it.end * rate), it.estimated)
        for it in sorted(words, key=lambda word: (word.start, word.end))
    )


def _word(text: str, start: object, end: object, where: str, estimated: bool = False) -> SpokenWord:
    """Return a word. Raises ValueError, naming where it stands, for times that are none."""
    times = []
    for written in (start, end):
        try:
            time = math.nan if isinstance(written, bool) else float(written)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            time = math.nan
        if not 0 <= time < 86_400:
            raise ValueError(f"{where}: expected seconds from 0 on, found {str(written)[:40]!r}")
        times.append(time)
    if times[1] < times[0]:
        raise ValueError(f"{where}: {text!r} ends before it begins")
    return SpokenWord(text, times[0], times[1], estimated)


# -- CTM ------------------------------------------------------------------------------------


def _ctm(text: str, recording: str) -> _Words:
    rows: dict[str, list[SpokenWord]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or line.startswith((";;", "#")):
            continue
        if len(fields) < 5:
            raise ValueError(
                f"line {number}: expected recording, channel, start, duration and word, "
                f"found {line[:60]!r}"
            )
        name, _, start, length, said = fields[:5]
        begin = _word(said, start, start, f"line {number}").start
        long = _word(said, 0, length, f"line {number}").end
        if said.lower() not in _PAUSES:
            rows.setdefault(name, []).append(SpokenWord(said, begin, begin + long))
    if len(rows) > 1:
        if recording not in rows:
            some = ", ".join(list(rows)[:3])
            raise ValueError(f"has words of {some} and others, none of {recording!r}")
        yield from rows[recording]
    else:
        for words in rows.values():
            yield from words


# -- TextGrid -------------------------------------------------------------------------------

_TOKEN: Final = re.compile(
    r'"((?:[^"]|"")*)"|<exists>|<absent>|![^\n]*|(?<!\S)(-?[0-9][0-9.eE+-]*)'
)
"""What Praat reads of a text file: free-standing texts and numbers; everything else is comment."""


def _text_grid(text: str, recording: str) -> _Words:
    tokens: list[str | float] = []
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            tokens.append(match[1].replace('""', '"'))
        elif match[2] is not None:
            try:
                tokens.append(float(match[2]))
            except ValueError:
                line = text.count("\n", 0, match.start()) + 1
                raise ValueError(f"line {line}: {match[2]!r} is no number") from None
    if tokens[:2] != ["ooTextFile", "TextGrid"]:
        raise ValueError('is no TextGrid: expected "ooTextFile" and "TextGrid" at its begin')
    tiers = _tiers(tokens[2:])
    named = [name for name in tiers if name.lower() in ("words", "word")]
    if not named and len(tiers) != 1:
        raise ValueError(
            f"has no tier of intervals named words; its tiers are {', '.join(tiers) or 'none'}"
        )
    for start, end, said in tiers[named[0] if named else next(iter(tiers))]:
        if said.strip().lower() not in _PAUSES:
            yield _word(said.strip(), start, end, f"the interval at {start:g} s")


def _tiers(tokens: Sequence[str | float]) -> dict[str, list[tuple[float, float, str]]]:
    """Return the intervals (start, end, text) of each tier of intervals, by its name."""
    cursor = 0

    def token(kind: type[T], otherwise: str) -> T:
        nonlocal cursor
        found = tokens[cursor] if cursor < len(tokens) else None
        if not isinstance(found, kind):
            raise ValueError(f"ends too early, or has {otherwise} belongs")
        cursor += 1
        return found

    def number() -> float:
        return token(float, "a text where a number")

    def word() -> str:
        return token(str, "a number where a text")

    found: dict[str, list[tuple[float, float, str]]] = {}
    number(), number()
    for _ in range(int(number())):
        kind, name = word(), word()
        number(), number()
        marks = range(int(number()))
        if kind == "IntervalTier":
            found[name] = [(number(), number(), word()) for _ in marks]
        else:
            for _ in marks:
                number(), word()
    return found


# -- JSON -----------------------------------------------------------------------------------


def _json(text: str, recording: str) -> _Words:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: is no JSON ({error.msg})") from None
    for number, entry in enumerate(_entries(found), 1):
        yield from _entry(entry, f"word {number}")


def _entries(found: Any) -> list[Any]:
    """Return the list of words in a document."""
    if isinstance(found, list):
        return found
    if isinstance(found, Mapping):
        words, segments, tiers = found.get("words"), found.get("segments"), found.get("tiers")
        if isinstance(words, list):
            return words
        if isinstance(segments, list) and all(isinstance(each, Mapping) for each in segments):
            return [word for each in segments for word in _entries(each)]
        if isinstance(tiers, Mapping) and isinstance(tiers.get("words"), Mapping):
            entries = tiers["words"].get("entries")
            if isinstance(entries, list):
                return entries
    raise ValueError('expected a list of words, each {"word": …, "start": …, "end": …} in seconds')


def _entry(entry: Any, where: str) -> _Words:
    if isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 3:
        start, end, said = entry
        entry = {"word": said, "start": start, "end": end}
    if not isinstance(entry, Mapping):
        raise ValueError(f'{where}: expected {{"word": …, "start": …, "end": …}}')
    said = entry.get("word", entry.get("text"))
    if not isinstance(said, str):
        raise ValueError(f"{where}: expected a text under 'word'")
    if said.strip().lower() in _PAUSES:
        return
    start, end = entry.get("start"), entry.get("end")
    if end is None and "duration" in entry:
        begin = _word(said, start, start, where).start
        end = begin + _word(said, 0, entry["duration"], where).end
    yield _word(said.strip(), start, end, where, entry.get("estimated") is True)


WORD_FILES: Final[dict[str, Callable[[str, str], _Words]]] = {
    ".ctm": _ctm,
    ".json": _json,
    ".textgrid": _text_grid,
}
"""The reader of each kind of file, by its suffix: it is given the text and the recording's name."""
