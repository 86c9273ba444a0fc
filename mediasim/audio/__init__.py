"""Arrays of samples: codecs, tones, levels, mixing, files. Knows nothing of RTP or calls.

The public face, by module: ``frames`` (the one format: 8 kHz, 20 ms), ``codecs`` (a row each) and
``g711``, ``levels`` (measures, bridges and downmixes), ``tones`` and ``dtmf`` (sounds that the
exchange generates), ``ringing_tones`` (of countries), ``music`` (for who waits), ``activity``
(speech and pauses), ``wav`` and ``files`` (WAV, MP3 and the audio files of users), ``products``
(arithmetic), ``resampling``, ``word_time`` and ``word_files`` (when words are spoken).
"""

__all__ = [
    "activity",
    "codecs",
    "dtmf",
    "files",
    "frames",
    "g711",
    "levels",
    "music",
    "products",
    "ringing_tones",
    "tones",
    "wav",
    "word_files",
    "word_time",
]
