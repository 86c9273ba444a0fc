"""The one call control: calls and their states, conferences, queues, recordings.

Knows nothing of HTTP, TwiML, Twilio's JSON or scenario files, which compile to its operations.

The public face: ``exchange.Exchange``; ``call_control`` (one call), ``phone`` (who answers, and
how), ``ringing`` (the ladder), ``dial`` and ``bridge`` (two calls put through, with hold),
``message`` (the Record verb), ``conference``, ``attending`` and ``participant``, ``queue``;
``recording`` (what is recorded, by role) and ``recording_control`` (recordings in progress),
``layout`` (the one rule of stored and downloaded channels); ``records``, ``states`` and
``lifecycle``, ``events``, ``catalogue``, ``media_store``, ``recovery``.
"""
