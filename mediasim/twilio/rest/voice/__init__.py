"""Voice's newer APIs, whose bodies are JSON: voice.twilio.com, versions 2 and 3."""

__all__ = ["configurations", "transcriptions"]
