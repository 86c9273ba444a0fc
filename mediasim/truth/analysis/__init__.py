"""Speech analytics: what two channels tell of a conversation, beside what is true of it.

The public face: ``recording`` (what is analysed), ``analysis`` (the figures, measured and true),
and what shows them: ``as_text`` (RTTM and WebVTT too), ``as_json`` and ``picture``.
"""

__all__ = ["analysis", "as_json", "as_text", "picture", "recording", "transcription"]
