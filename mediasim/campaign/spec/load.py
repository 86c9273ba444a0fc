"""Reading the spec of a campaign, from a file or from Python: all is checked before any call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediasim.campaign.spec.check import checked
from mediasim.campaign.spec.model import CampaignSpec
from mediasim.campaign.spec.schema import campaign_schema
from mediasim.documents.diagnostics import Diagnostic, ScenarioError
from mediasim.documents.document import Origin, from_python, read_yaml, validated
from mediasim.documents.texts import read_text

__all__ = ["campaign_schema", "load_campaign", "parse_campaign"]


def load_campaign(path: str | Path) -> CampaignSpec:
    """Read a campaign's spec. Raises ScenarioError with every problem of the file."""
    file = Path(path)
    if not file.is_file():
        raise ScenarioError([Diagnostic("there is no such file", "", file)])
    document = read_yaml(read_text(file), file)
    return checked(validated(CampaignSpec, Origin(document, file.parent, file, file.stem)))


def parse_campaign(
    data: Mapping[str, Any] | str, *, name: str = "campaign", base: str | Path = "."
) -> CampaignSpec:
    """Read a campaign's spec from a dict or from YAML text, as ``load_campaign`` reads a file.

    ``base`` is the folder that paths in it are relative to. Raises ScenarioError.
    """
    document = read_yaml(data) if isinstance(data, str) else from_python(data)
    return checked(validated(CampaignSpec, Origin(document, Path(base), None, name)))
