"""Conversational Intelligence (classic), version 2: intelligence.twilio.com."""

__all__ = ["operators", "services", "transcripts"]
