"""Verification of recordings against their truth: what is wrong, where, and by how much.

``media`` reads the recording, ``expected`` computes from the truth what every sample should be,
``tracking`` finds where pieces of it are, ``time_map`` derives offset, drift and jumps; ``hops``,
``packets``, ``spots`` and ``colour`` compare a channel with what it should be, and ``verify``
channels with each other; ``judge`` names the failures, ``picture`` draws them. A measure that
cannot be taken is None, and ``cannot_tell`` says why.
"""

__all__ = ["judge", "media", "picture", "verify"]
