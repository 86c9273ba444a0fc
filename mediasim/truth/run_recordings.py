"""The recordings of a run's folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["recordings_in"]


def recordings_in(folder: Path, suffix: str = ".wav") -> list[Path]:
    """The recordings' files of that suffix in a folder, in order of their names.

    The folder is a run's, its ``recordings``, or the one that has a folder for each run: then they
    are those of the latest.
    """
    for run in (folder, folder / "latest"):
        named = (*run.glob("RE*"), *run.glob("recordings/RE*"))
        found = sorted(path for path in named if path.name == f"{path.name.split('.')[0]}{suffix}")
        if found:
            return found
    return []
