"""A campaign: its calls by number, each the same whenever and wherever it is made."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from mediasim.campaign.clip import Clips
from mediasim.campaign.compose import ComposedCall, Composer, Said
from mediasim.campaign.record import RecordedCall, record
from mediasim.campaign.spec.model import CampaignSpec

__all__ = ["Campaign"]


class Campaign:
    """The calls of a campaign. Call i's bytes depend on the spec, the seed, the clips and i."""

    def __init__(self, spec: CampaignSpec, seed: int, clips: Clips) -> None:
        """Take a spec, the seed of all draws, and the clips that the parties say."""
        self.spec = spec
        self.seed = seed
        self.clips = clips
        self._composer = Composer(spec, seed, clips)

    def composed(self, index: int) -> ComposedCall:
        """Return a call before it is made: its scenario, its plan and its draws."""
        return self._composer.compose(index)

    def needed(self, index: int) -> list[Said]:
        """Return the texts that a call may say, and who says them; no clips are used."""
        return self._composer.needed(index)

    def call(self, index: int) -> RecordedCall:
        """Make a call. Raises RunFailed if its conversation can never end."""
        return record(self.composed(index), self.clips, self.spec.digest)

    def first_call(self) -> str:
        """Return the SHA-256 of call 0's JSON and samples, by which workers prove themselves."""
        call = self.call(0)
        return sha256(call.json + call.pcm.T.astype("<i2").tobytes()).hexdigest()

    def indexes(self, shard: int) -> range:
        """Return the indexes of a shard's calls."""
        size = self.spec.shard_size
        return range(shard * size, min((shard + 1) * size, self.spec.calls))

    def calls(self, shard: int) -> Iterator[RecordedCall]:
        """Make the calls of a shard, one after the other."""
        return (self.call(index) for index in self.indexes(shard))
