"""The truth of recordings, and measuring against it. Knows nothing of Twilio's API.

The public face: ``sidecar`` (who said what, at which sample), ``placement`` and ``missing`` (how
that is known), ``measure`` (offset, correlation, crosstalk, drift) and ``reference``.
"""
