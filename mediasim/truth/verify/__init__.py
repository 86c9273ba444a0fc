"""Recordings held against what was really said: what is wrong with them, where, by how much.

``media`` reads the recording, ``expected`` makes of the truth what every sample should be,
``tracking`` finds where it stands instead, ``time_map`` says what that means in time; ``packets``,
``spots``, ``colour`` and ``across`` look at the rest; ``judge`` names the failures, ``words`` and
``picture`` tell them to people. What cannot be told is None, with words that say why.
"""

__all__ = ["media", "picture", "verify", "words"]
