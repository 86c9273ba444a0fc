"""Transcripts of recordings: Conversational Intelligence (classic), and Voice's transcriptions.

By module: ``sentences`` (what is heard in a recording, sentence by sentence), ``records``,
``operators`` (rules that read a transcript), ``manager`` (which makes and reports transcripts).
"""

__all__ = ["manager", "operators", "records", "sentences"]
