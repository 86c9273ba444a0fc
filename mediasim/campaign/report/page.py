"""The report of a campaign as one HTML page: no scripts, nothing loaded, light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final

from mediasim.campaign.report.figures import Comparison, Figures
from mediasim.campaign.report.pictures import picture, share_text, shown
from mediasim.campaign.report.tally import Numbers
from mediasim.documents.diagnostics import counted
from mediasim.truth.svg import page

__all__ = ["report_page"]

_STYLE: Final = """
body{margin:0 auto;padding:1rem;max-width:1400px}h1{margin:.2rem 0}h2{font-size:1.05rem;
margin:2rem 0 .5rem}h3{font-size:.95rem;margin:0 0 .3rem}
code{font-size:.8rem;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.6rem;margin:1rem 0}
.tile,.card{border:1px solid #d7dae3;border-radius:8px;padding:.7rem}.tile b{display:block;
font-size:1.25rem}.tile span,.quiet{color:#667;font-size:.85rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:.8rem}
.card svg{width:100%;height:auto;background:none}table{border-collapse:collapse;width:100%;
font-size:.82rem;margin-top:.4rem}td,th{text-align:right;padding:.15rem .3rem;font-weight:400}
th:first-child,td:first-child{text-align:left}thead th{color:#667}
.fine{color:#1f7a44}.off{color:#c01c25}.note{border-left:3px solid #e08a00;padding-left:.7rem}
@media (prefers-color-scheme:dark){.tile,.card{border-color:#3a4050}.tile span,.quiet,thead th{
color:#9aa3b5}.fine{color:#6fd39a}.off{color:#ff7b80}}
"""


def report_page(document: dict[str, Any], figures: Figures, compared: list[Comparison]) -> str:
    """Return the page; ``document`` is report.json."""
    name = document["name"]
    parts = [f"<style>{_STYLE}</style>", f"<h1>{escape(name)}</h1>"]
    if document["description"]:
        parts.append(f"<p>{escape(document['description'])}</p>")
    parts.append(
        f'<p class="quiet">seed {document["seed"]}, spec {escape(str(document["spec_digest"]))}, '
        f"mediasim {escape(str(document['mediasim']))}</p>"
    )
    parts += [f'<p class="note">{escape(note)}</p>' for note in document["notes"]]
    parts.append(f'<div class="tiles">{"".join(_tiles(document))}</div>')
    if compared:
        parts.append("<h2>Asked against got</h2>")
        parts.append(f'<p class="quiet">{_explained()}</p>')
        parts.append(f'<div class="cards">{"".join(map(_card, compared))}</div>')
    if others := figures.others():
        parts.append("<h2>Also measured in the recordings</h2>")
        parts.append(f'<div class="cards">{"".join(map(_card, others))}</div>')
    return page("\n".join(parts), name)


def _explained() -> str:
    return (
        "Got is measured in the truth of the recordings; where they do not show a value, it is "
        "what was drawn. What lies further from what was asked than chance puts it once in a "
        "thousand times is marked: other settings may have a part in it, such as turns that do "
        "not fit."
    )


def _tiles(document: dict[str, Any]) -> Iterator[str]:
    hours = document["hours"]
    for value, what in (
        (f"{document['calls']:,}", "calls"),
        (f"{hours['recorded']:.2f} h", "recorded"),
        (f"{hours['speech']:.2f} h", "of it with speech"),
        (f"{document['utterances']:,}", "utterances"),
        (f"{document['words']:,}", "words"),
        (f"{len(document['speakers']):,}", "speakers"),
        (", ".join(document["languages"][:3]) or "-", "languages"),
        (", ".join(document["codecs"][:3]) or "-", "codecs"),
    ):
        yield f'<div class="tile"><b>{escape(value)}</b><span>{what}</span></div>'


def _card(it: Comparison) -> str:
    parts = [f"<h3>{escape(it.title)}</h3>"]
    if it.asked is not None or it.drawn is not None:
        parts.append(f"<code>{escape(it.key)}</code>")
    if it.asked is not None:
        parts.append(f'<div class="quiet">{escape(it.asked.words)}</div>')
    parts += [picture(it), *_numbers(it), *_verdict(it)]
    return f'<div class="card">{"".join(parts)}</div>'


def _numbers(it: Comparison) -> Iterator[str]:
    """Yield a table of mean and quantiles, of what was asked, drawn and measured."""
    if not isinstance(it.got, Numbers):
        yield f'<div class="quiet">{counted(it.got.count, "value")}</div>'
        return
    shares = (0.05, 0.5, 0.95)
    rows: list[tuple[str, list[float]]] = []
    if it.asked is not None and it.asked.quantiles is not None:
        rows.append(("asked", [it.asked.mean, *(it.asked.at(share) for share in shares)]))
    if isinstance(it.drawn, Numbers) and it.measured:
        rows.append(("drawn", [it.drawn.mean, *it.drawn.quantiles(shares)]))
    rows.append(("got" if it.measured else "drawn", [it.got.mean, *it.got.quantiles(shares)]))
    if isinstance(it.sample, Numbers):
        rows.append(("in the recordings", [it.sample.mean, *it.sample.quantiles(shares)]))
    yield "<table><thead><tr><th></th><th>mean</th><th>5%</th><th>50%</th><th>95%</th></tr></thead>"
    for name, numbers in rows:
        cells = "".join(f"<td>{shown(number, it.unit)}</td>" for number in numbers)
        yield f"<tr><td>{name}</td>{cells}</tr>"
    yield f'</table><div class="quiet">{counted(it.got.count, "value")}</div>'


def _verdict(it: Comparison) -> Iterator[str]:
    if (distance := it.distance) is not None:
        style = "fine" if it.by_chance else "off"
        words = "as asked" if it.by_chance else "not as asked"
        yield f'<div class="{style}">{words}, {share_text(distance)} apart at most</div>'
    if it.worst is not None:
        yield (
            f'<div class="quiet">largest difference from its own draw: '
            f"{shown(it.worst, it.unit)}</div>"
        )
