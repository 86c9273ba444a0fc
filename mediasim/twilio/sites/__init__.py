"""Stand-ins for the sites that Twilio hosts: twimlets.com, demo.twilio.com, its music buckets.

They answer inside the sandbox, under their own names; nothing of Twilio's is fetched.
"""

from mediasim.twilio.sites.demo import SAMPLES, samples
from mediasim.twilio.sites.site import Site, SiteRequest
from mediasim.twilio.sites.table import SITES

__all__ = ["SAMPLES", "SITES", "Site", "SiteRequest", "samples"]
