"""Calls and their states, conferences, recordings: the exchange. Knows nothing of HTTP or TwiML.

The public face: ``exchange.Exchange``, the flows it carries out (``two_party``, ``voicemail``,
``conference``), ``events``, ``layout`` (the one rule of stored and downloaded channels),
``records`` and ``catalogue``, ``recording_control`` and ``recording_plan``, ``media_store``,
``download``, ``recovery``.
"""
