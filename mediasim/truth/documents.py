"""Truth sidecars as files: where they stand, and that they are what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["TruthDocumentError", "check_truth", "read_document", "truth_path"]


class TruthDocumentError(ValueError):
    """There is no truth to be read there; says why."""


def truth_path(recording: Path) -> Path:
    """Where a recording's truth stands: ``RE….wav`` has ``RE….truth.json`` beside it."""
    return recording.with_suffix(".truth.json")


def read_document(path: Path) -> dict[str, Any]:
    """A sidecar's JSON, with every part of it that is there as it should be.

    Raises TruthDocumentError.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TruthDocumentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise TruthDocumentError(f"{path} is not JSON: expected a recording's truth") from None
    if not isinstance(found, dict) or "samples" not in found:
        raise TruthDocumentError(f"{path} is not the truth of a recording as mediasim writes it")
    try:
        check_truth(found)
    except ValueError as error:
        raise TruthDocumentError(
            f"{path} is not the truth of a recording as mediasim writes it: {error}"
        ) from None
    return found


def check_truth(document: object) -> None:
    """Raises ValueError, naming the first part of a truth that is not what it should be."""
    from pydantic import ValidationError

    from mediasim.truth.document_shape import TruthShape

    try:
        TruthShape.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "it"
        raise ValueError(f"{place}: {first['msg'].lower()}") from None
