"""Clips: the speech that a campaign's calls are made of, made once and stored by digest.

``corpora`` reads recorded speech, ``making`` makes a clip of an utterance, ``stage`` makes all of
them, ``stored`` reads them again, ``speakers`` draws who speaks.
"""

__all__ = ["corpora", "source", "speakers", "spec", "stage", "stored"]
