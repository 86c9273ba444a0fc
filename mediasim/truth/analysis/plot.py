"""The picture as a file: an SVG, or a page with the figures below it. Each stands alone."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from mediasim.truth.analysis.analysis import Analysis
from mediasim.truth.analysis.as_json import analysis_json
from mediasim.truth.analysis.as_text import analysis_text
from mediasim.truth.analysis.picture import draw
from mediasim.truth.analysis.recording import AnalysisError

__all__ = ["plot"]

_LEGEND: Final = (
    "Tinted: turns, and the speech in them. Thin bars: the truth. Red: both at once. Brackets: "
    "silence before a response. Triangles: cutting in, filled if successful, dashed if a "
    "backchannel."
)


def plot(analysis: Analysis, path: Path) -> str:
    """The content of a plot file, by its suffix. Raises AnalysisError for another than these."""
    if path.suffix == ".svg":
        return draw(analysis)
    if path.suffix in (".html", ".htm"):
        return _page(analysis)
    raise AnalysisError(f"a plot is an .svg or .html file, not {path.name}")


def _page(analysis: Analysis) -> str:
    name = escape(analysis.recording.name)
    figures = escape(analysis_text(analysis_json(analysis)))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}: who speaks when</title>
<style>
body {{ margin: 1.5rem; font: 15px/1.5 system-ui, sans-serif; color: #0f172a; background: #fff }}
h1 {{ font-size: 1.2rem }}
svg {{ max-width: 100%; height: auto }}
pre {{ font-size: 13px; overflow-x: auto }}
</style>
<h1>{name}: who speaks when</h1>
{draw(analysis)}<p>{_LEGEND}</p>
<pre>{figures}</pre>
</html>
"""
