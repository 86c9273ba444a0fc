"""What can be wrong with a file of audio."""

from __future__ import annotations

from os import PathLike, fspath

__all__ = ["AudioFileError"]


class AudioFileError(ValueError):
    """A file that is missing, is no audio, or is not the audio it should be."""

    def __init__(self, path: str | PathLike[str], problem: str) -> None:
        super().__init__(f"{fspath(path)}: {problem}")
        self.path = fspath(path)
        """The file, as it was named."""
        self.problem = problem
        """What is wrong with it, in words."""
