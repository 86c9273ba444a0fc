"""The report of a campaign, what was asked against what there is, and its data card.

``measures`` has a row for each figure that is read from the calls, ``figures`` gathers them,
``asked`` knows the distributions of the spec, ``pictures`` and ``page`` show both, ``card`` is the
data card and ``outcome`` writes all of it beside the shards.
"""

from mediasim.campaign.report.outcome import export_card, write_outcome

__all__ = ["export_card", "write_outcome"]
