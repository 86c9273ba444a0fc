"""Truth sidecars as files: where they stand, and that they are what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["TruthDocumentError", "read_document", "truth_path"]


class TruthDocumentError(ValueError):
    """There is no truth to be read there; says why."""


def truth_path(recording: Path) -> Path:
    """Where a recording's truth stands: ``RE….wav`` has ``RE….truth.json`` beside it."""
    return recording.with_suffix(".truth.json")


def read_document(path: Path) -> dict[str, Any]:
    """A sidecar's JSON. Raises TruthDocumentError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TruthDocumentError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise TruthDocumentError(f"{path} is not JSON: expected a recording's truth") from None
    if not isinstance(found, dict) or "samples" not in found:
        raise TruthDocumentError(f"{path} is not the truth of a recording as mediasim writes it")
    return found
