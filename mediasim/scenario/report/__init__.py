"""The report of a run, for people and machines to read.

``model`` is the report, key by key; ``build`` makes it of a run. ``summary``, ``html`` and
``junit`` show it, ``explain`` explains why recordings have the channels they have.
"""

from pathlib import Path
from typing import Final

__all__ = ["SHARED_SCRIPTS", "build", "explain", "html", "junit", "model", "page_part", "summary"]

SHARED_SCRIPTS: Final = Path(__file__).with_name("shared")
"""Folder of the scripts that the report page and the inspector have in common."""
