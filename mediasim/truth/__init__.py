"""The truth of recordings, and measuring against it. Knows nothing of Twilio's API.

By module: ``documents`` (who said what, at which sample: the sidecar's shape), ``sidecar`` (finds
it out), ``placement``, ``sources`` and ``missing`` (how that is known), ``publishing``; ``measure``
(offset, correlation, crosstalk, drift) and ``reference``.
"""

__all__ = [
    "analysis",
    "documents",
    "faults",
    "measure",
    "missing",
    "publishing",
    "reference",
    "sidecar",
    "verify",
]
