"""Conferences and queues: where calls meet, and where they wait for each other.

All legs are in the service's one room; a conference is a key that its members' legs have in
common there, a queue a list of calls that hear music.
"""

from mediasim.twilio.conferencing.conference_manager import ConferenceManager
from mediasim.twilio.conferencing.queue_manager import QueueManager

__all__ = ["ConferenceManager", "QueueManager"]
