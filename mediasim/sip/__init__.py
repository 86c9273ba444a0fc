"""SIP telephones that register, call in and are rung, with media over RTP.

The package is imported only if SIP is enabled.
"""

__all__ = ["server", "siprec"]
