"""The truth of recordings, and measuring against it. Knows nothing of Twilio's API.

By module: ``sidecar`` (who said what, at which sample), ``placement`` and ``missing`` (how
that is known), ``measure`` (offset, correlation, crosstalk, drift) and ``reference``.
"""

__all__ = [
    "analysis",
    "documents",
    "faults",
    "measure",
    "missing",
    "publishing",
    "recovered",
    "reference",
    "run_recordings",
    "sidecar",
    "verify",
]
