"""Faults: recordings that are broken on purpose and state how.

Each fault re-creates a failure of a real recorder. ``gallery`` lists them all, ``order`` parses how
they are requested, ``breaking`` applies them to samples and to a recording with its truth. They are
reproducible: the seed decides every random place.
"""

__all__ = ["breaking", "gallery", "material", "order"]
