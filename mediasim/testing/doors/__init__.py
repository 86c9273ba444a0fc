"""Same script, same recording, whichever door: one scenario run three times, and compared.

The doors are a scenario run, an app's TwiML, and requests to the REST API. ``draw`` makes scenarios
in the language that all three understand; ``compile`` says one of them in TwiML and requests;
``account`` carries that out as a sandbox does, without its sockets; ``left`` is what a door left:
samples, truth and events; ``judge`` is the property itself, and ``mediasim fuzz --doors``.

What is compared: the samples of the recordings, their truth but for SIDs, and the order and times
of the events that both doors have.
"""

__all__ = ["judge"]
