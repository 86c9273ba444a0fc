"""Conferences and queues.

All legs are in the account's one room. A conference is a key that its participants' legs have in
common there; a queue is a list of calls that hear music.
"""

from mediasim.twilio.conferencing.conference_manager import ConferenceManager
from mediasim.twilio.conferencing.queue_manager import QueueManager

__all__ = ["ConferenceManager", "QueueManager"]
