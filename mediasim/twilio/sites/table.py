"""Which site answers under which host name."""

from __future__ import annotations

from typing import Final

from mediasim.twilio.sites.demo import demo
from mediasim.twilio.sites.music import BUCKETS, bucket_hosts, music
from mediasim.twilio.sites.site import Site
from mediasim.twilio.sites.twimlets import twimlets

__all__ = ["SITES"]

SITES: Final[dict[str, Site]] = {
    "twimlets.com": twimlets,
    "www.twimlets.com": twimlets,
    "demo.twilio.com": demo,
    **{host: music for bucket in BUCKETS for host in bucket_hosts(bucket)},
}
"""The stand-ins of sites by host name."""
