"""The truth of recordings, and the measurement of recordings against it.

By module: ``documents`` (the sidecar's shape: who said what, at which sample), ``sidecar`` (builds
it), ``placement`` and ``sources`` (what it is built from), ``publishing``; ``measure``
(offset, correlation, crosstalk, drift) and ``reference``. Independent of Twilio's API.
"""

__all__ = [
    "analysis",
    "documents",
    "faults",
    "measure",
    "notebook",
    "pieces",
    "placement",
    "publishing",
    "reference",
    "sidecar",
    "sources",
    "svg",
    "verify",
]
