"""Which site answers under which host name."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.sites.demo import demo
from mediasim.twilio.sites.music import bucket_of, music
from mediasim.twilio.sites.site import Site
from mediasim.twilio.sites.twimlets import twimlets

__all__ = ["site_of"]

_SITES: Final[dict[str, Site]] = {
    "twimlets.com": twimlets,
    "www.twimlets.com": twimlets,
    "demo.twilio.com": demo,
}


def site_of(host: str) -> Site | None:
    """Return the stand-in of a host, given in lower case; None for a host that has none."""
    return music if bucket_of(host) is not None else _SITES.get(host)
