"""Engines: what makes the shards of a campaign, here, in processes, or on many machines.

By module: ``engine`` (what an engine is), ``worker`` (what is done to a shard, wherever it is
done), ``inline``, ``processes`` and ``on_ray`` (the engines), ``shards_made`` (the shards that are
missing, each tried three times), ``failures`` (what was given up), ``pace`` and ``status`` (how far
a campaign is, read from its files).
"""

__all__ = [
    "engine",
    "failures",
    "inline",
    "layout",
    "making",
    "on_ray",
    "pace",
    "processes",
    "shards_made",
    "status",
    "worker",
]
