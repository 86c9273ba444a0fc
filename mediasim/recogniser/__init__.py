"""The recogniser: what is heard of what was said, exactly or with errors of a stated size.

One transcript is under everything that has to do with words. ``recordings`` has that of a
recording, ``tracks`` that of a call's track as it grows, ``live`` tells its partial and final
results while the call goes on, ``settings`` says how good it is, and ``spec`` how that is written
in documents.
"""

__all__ = [
    "choice",
    "live",
    "model",
    "recordings",
    "scoring",
    "settings",
    "spec",
    "tracks",
    "transcript",
]
