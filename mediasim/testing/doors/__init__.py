"""Same script, same recording, whichever door: one scenario run three times, and compared.

The doors are a scenario run, an app's TwiML, and requests to the REST API. ``draw`` makes scenarios
that all three can express; ``compile`` writes one of them as TwiML and requests; ``account`` is a
sandbox without its sockets that executes those; ``results`` holds and compares what a door leaves:
samples, truth and events; ``judge`` is the property itself, for ``mediasim fuzz --doors``.

Compared are the samples of the recordings, their truth except for SIDs, and the order and times of
the events that both doors have.
"""

__all__ = ["judge"]
