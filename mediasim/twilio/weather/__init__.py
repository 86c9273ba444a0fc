"""Bad weather between Twilio and an app: what networks and servers do to callbacks, requests and
media on their worse days, by a seed, and said in the delivery log.
"""

from mediasim.twilio.weather.spell import Spell
from mediasim.twilio.weather.weather import CallbackFate, Weather

__all__ = ["CallbackFate", "Spell", "Weather"]
