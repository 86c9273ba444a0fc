"""The report as one HTML page that opens anywhere: no network, no files but (at most) the WAVs.

Texts of a scenario are hostile input here. All of them go through jinja2's escaping; data for the
scripts is JSON in a block that is never run, with ``<``, ``>`` and ``&`` written as escapes; and a
content security policy names the hash of the one script that may run.

The same report and recordings give the same page, byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediasim.documents.diagnostics import counted
from mediasim.parties.voices.clip import cache_directory
from mediasim.scenario.report import SHARED_SCRIPTS
from mediasim.scenario.report.data import safe_json
from mediasim.scenario.report.model import Report, Totals
from mediasim.scenario.report.page_part import PagePart
from mediasim.scenario.report.view import RunView, run_views

if TYPE_CHECKING:
    from jinja2 import Environment, FileSystemBytecodeCache

__all__ = ["SOUND_BYTES", "write_report"]

SOUND_BYTES: Final = 9_600_000
"""Mu-law octets of sound a page holds at most: ten minutes of two channels, 12.8 MB as base64."""

_PAGE: Final = Path(__file__).with_name("page")
_SCRIPTS: Final = (
    *(SHARED_SCRIPTS / name for name in ("axis.js", "waveform.js", "mixer.js")),
    *(_PAGE / name for name in ("player.js", "lanes.js", "timeline.js", "page.js")),
)
"""Modules in an order in which each stands after those that it imports."""
_LINKS: Final = re.compile(r"^(import .*\n|export )", re.MULTILINE)
"""Imports and exports, which are removed: the page holds the modules as one script."""


def write_report(report: Report, directory: Path, parts: Sequence[PagePart] = ()) -> Path:
    """Write ``directory/report.html`` for a report, and return its path.

    ``parts`` come before the runs.

    Reads the recordings' WAV files below ``directory``; a recording without one gets no lanes.
    Sound goes into the page while there is room, failed runs first; other sound is played from its
    WAV. Raises ``ValueError`` for a file that is no recording of ours.
    """
    path = directory / "report.html"
    page = _render(report, run_views(report, directory, SOUND_BYTES), parts)
    # A YAML escape can name half a surrogate pair, which UTF-8 has no way to write.
    path.write_text(page, encoding="utf-8", errors="replace")
    return path


def _render(report: Report, runs: Sequence[RunView], parts: Sequence[PagePart]) -> str:
    from markupsafe import Markup

    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    modules = (path.read_text(encoding="utf-8") for path in _SCRIPTS)
    script = '"use strict";\n' + "\n".join(_LINKS.sub("", text) for text in modules)
    scripts = [script, *(part.script for part in parts)]
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; "
        f"style-src {_hash(style)}; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            views=runs,
            totals=Totals.of(*report.runs),
            counted=counted,
            left_out=_left_out(runs),
            policy=policy,
            style=Markup(style),
            script=Markup(script),
            parts=[(part, safe_json(part.data), Markup(part.script)) for part in parts],
        )
    )


def _hash(source: str) -> str:
    """Return the source expression of a content security policy that allows one script or style."""
    return f"'sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _left_out(runs: Sequence[RunView]) -> str | None:
    """Return how many recordings have no sound in the page, in words; None if all have."""
    number = sum(recording.left_out for run in runs for recording in run.recordings)
    if not number:
        return None
    return (
        f"The sound of {counted(number, 'recording')} is not in this page, which holds ten minutes "
        "of two channels at most: it plays while the page lies beside its recordings folder."
    )


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        bytecode_cache=_compiled_page(),
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _compiled_page() -> FileSystemBytecodeCache | None:
    """Return the cache of the compiled template; None if it cannot be written.

    Compiling the template takes longer than filling it.
    """
    from jinja2 import FileSystemBytecodeCache

    folder = cache_directory() / "page"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None
