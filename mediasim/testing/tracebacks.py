"""Tracebacks of failed tests, without the frames that no test has written.

A frame of mediasim is hidden, and with it those of the standard library that it has called: of a
mistake in a test its own lines are left. ``--full-trace`` shows everything.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import pytest

import mediasim

__all__ = ["hide_frames"]

_OURS: Final = str(Path(mediasim.__file__).parent)
_LIBRARY: Final = sysconfig.get_path("stdlib")
_INSTALLED: Final = ("site-packages", "dist-packages")


def hide_frames(found: pytest.ExceptionInfo[BaseException]) -> None:
    """Remove the frames from an exception's traceback, and from those of its causes."""
    for error in _chain(found.value):
        error.__traceback__ = _without_ours(error.__traceback__)
    if found.value.__traceback__ is not None:
        found.traceback = type(found.traceback)(found.value.__traceback__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that led to it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames and what they call; as it is if nothing were left."""
    kept, inside, links = list[TracebackType](), False, traceback
    while links is not None:
        file = links.tb_frame.f_code.co_filename
        if file.startswith(_OURS):
            inside = True
        elif not (inside and _is_library(file)):
            inside = False
            kept.append(links)
        links = links.tb_next
    if not any(_is_a_tests(each) for each in kept):
        return traceback
    found: TracebackType | None = None
    for each in reversed(kept):
        found = TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return found


def _is_library(file: str) -> bool:
    """Return whether a file is of the standard library, or of code that is no file."""
    return file.startswith("<") or (
        file.startswith(_LIBRARY) and not any(name in file for name in _INSTALLED)
    )


def _is_a_tests(traceback: TracebackType) -> bool:
    """Return whether a frame is of the test or of what it uses, not of the test runner."""
    name = traceback.tb_frame.f_globals.get("__name__", "")
    return not name.startswith(("_pytest.", "pluggy.", "pytest_asyncio.", "pytest."))
