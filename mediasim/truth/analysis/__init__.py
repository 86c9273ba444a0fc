"""Speech analytics: what two channels tell of a conversation, beside what is true of it.

By module: ``recording`` (what is analysed), ``analysis`` (the figures, measured and true),
and what shows them: ``as_text``, ``as_json``, ``rttm``, ``webvtt`` and ``plot``.
"""

__all__ = [
    "analysis",
    "as_json",
    "as_text",
    "errors",
    "plot",
    "recording",
    "rttm",
    "transcription",
    "webvtt",
]
