"""Transcripts of recordings: Conversational Intelligence (classic), and Voice's transcriptions.

By module: ``sentences`` (what is heard in a recording, sentence by sentence), ``records``,
``configurations``, ``operators`` (rules that read a transcript), ``manager`` (which makes
transcripts and reports them).
"""

__all__ = ["configurations", "manager", "operators", "records", "sentences"]
