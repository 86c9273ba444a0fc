"""Arrays of samples: codecs, tones, levels, mixing, files. Knows nothing of RTP or calls.

By module: ``frames`` (the one format: 8 kHz, 20 ms), ``g711`` and ``codecs``
(what goes into packets), ``mixing`` (bridges and downmixes), ``tones``, ``dtmf``, ``music`` and
``speech_noise`` (what the exchange makes itself), ``levels`` and ``activity`` (measures), ``wav``
and ``files`` (WAV, MP3 and whatever a user brings), ``concealment``, ``resampling``.
"""

__all__ = [
    "activity",
    "codecs",
    "concealment",
    "dtmf",
    "errors",
    "files",
    "frames",
    "g711",
    "levels",
    "live_activity",
    "mixing",
    "tones",
    "wav",
]
