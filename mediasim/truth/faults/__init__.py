"""Recordings that are wrong on purpose and say how.

Each fault re-creates what a real recorder did to somebody's call. ``gallery`` names them all,
``order`` reads how they are asked for, ``breaking`` applies them to samples, and to a recording
with its truth. Reproducible: the seed decides every place that is drawn.
"""

__all__ = ["breaking", "gallery", "material", "order"]
