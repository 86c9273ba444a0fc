"""Speech analytics: figures of a conversation, measured from its channels and taken from its truth.

By module: ``recording`` (what is analysed), ``analysis`` (the figures, measured and true), and
their output: ``as_text`` (RTTM and WebVTT too), ``as_json`` and ``picture``.
"""

__all__ = ["analysis", "as_json", "as_text", "picture", "recording", "transcription"]
