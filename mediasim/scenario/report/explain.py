"""Explanations of a recording's channels: the rule that decided, and what each channel holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediasim.documents.diagnostics import counted, fault_words
from mediasim.exchange.layout import Layout, recording_layout, resolve_download
from mediasim.exchange.trim import ABSENT
from mediasim.truth.documents import recordings_in
from mediasim.twilio.download import ANSWERS
from mediasim.twilio.representations import ABSENCE_CODES

__all__ = ["ExplainError", "explain_recordings"]


class ExplainError(ValueError):
    """A recording that cannot be explained; the message says why."""


def explain_recordings(what: str, directory: Path) -> str:
    """Return the explanation of a recording by its SID (looked for below ``directory``) or JSON, or
    of all in a folder.

    Raises ExplainError when there is no such recording.
    """
    path = Path(what)
    if path.is_dir():
        files = recordings_in(path, ".json")
        if not files:
            raise ExplainError(f"{path} holds no recordings: expected recordings/RE….json in it")
        return "\n\n".join(_explain(file) for file in files)
    if path.is_file():
        return _explain(path.with_suffix(".json"))
    name = path.name.removesuffix(".json").removesuffix(".wav")
    for file in (directory / f"{name}.json", directory / "recordings" / f"{name}.json"):
        if file.is_file():
            return _explain(file)
    raise ExplainError(
        f"there is no recording {what} in {directory}: give a SID of that folder, the path of a "
        "RE….json, or the folder of a run"
    )


def _explain(file: Path) -> str:
    try:
        document = json.loads(file.read_text("utf-8"))
        layout = recording_layout(**document["channel_map"]["layout"]["asked"])
        lines = [*_lines(document, layout), *_faults(file.with_suffix(".truth.json"))]
    except OSError as error:
        raise ExplainError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ExplainError(f"{file} is not a recording's JSON as mediasim writes it") from None
    return "\n".join(lines)


def _lines(document: dict[str, Any], layout: Layout) -> Iterator[str]:
    rule = layout.rule
    yield f"{document['sid']}  {document['source']}, {document['status']}"
    yield (
        f"  asked for: {layout.requested_channels}, track {layout.requested_track}, "
        f"profile {layout.profile}"
    )
    yield f"  stored: {counted(layout.stored_channels, 'channel')}. {rule.reason}"
    yield f"    rule {rule.rule_id} ({rule.source})"
    for absence, code in ABSENCE_CODES.items():
        if document["error_code"] == code:
            yield f"    no media: error {code}, {ABSENT[absence]}"
    for entry in document["channel_map"]["channels"]:
        who = entry["party"] or ("a mix" if entry["leg"] == "mix" else "nobody")
        call = f", call {entry['call_sid']}" if entry["call_sid"] else ""
        yield f"  channel {entry['channel']}: {who}, {entry['track']}{call}: {entry['words']}"
    for requested in (None, 1, 2):
        decision = resolve_download(layout, requested)
        name = "absent" if requested is None else str(requested)
        given = (
            counted(decision.channels, "channel")
            if decision.channels
            else str(ANSWERS[decision.rule.outcome].status)
        )
        yield f"  RequestedChannels {name}: {given}. {decision.rule.reason}"


def _faults(truth: Path) -> Iterator[str]:
    """Yield the faults that were injected, if there is a truth that names them."""
    if not truth.is_file():
        return
    for fault in json.loads(truth.read_text("utf-8")).get("faults", ()):
        yield f"  broken on purpose: {fault_words(fault)}, as in {fault['re_creates']}"
