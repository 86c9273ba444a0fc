"""Conversations measured: utterances, turns, pauses, gaps, overlaps, responses, interruptions.

The one place that says what each of these is, for media streams, recordings, ``analyze``,
expectations and test assertions alike (``mediasim/docs/reference/conversations.md``, a line each).
All of it is counted in whole samples of one timeline at 8 kHz. The public face: ``spans`` (sets of
samples), ``turns`` (who speaks when, and who answers or interrupts whom), ``app_figures`` (a caller
and an app in milliseconds).
"""

__all__ = ["app_figures", "spans", "turns"]
