"""Precision and recall of ``verify`` over damage that is not ``break``'s, in recorders' files.

The calls are those of ``verify_accuracy``; the damage is that of ``damage``: packets lost, repeated
and swapped at any phase, polarity, echoes, bands, noise, offsets, clipping, and the rest. Each
damaged recording is stored in a format drawn for it. A damage is found if one of its kinds is
named; every other kind is a false alarm, and so is any of a recording that was only stored.

    python tests/benchmarks/verify_damage.py [--short] [--calls N] [--seed S] [--formats wav,amr]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from damage import CONFINED, DAMAGES, FORMATS, Damage, Draw, Samples, file_of
from verify_accuracy import scenario

from mediasim import simulate
from mediasim.audio.wav import read_wav
from mediasim.seeds import Seeds
from mediasim.truth.documents import truth_path
from mediasim.truth.verify.findings import Verification
from mediasim.truth.verify.verify import verify


def stored(pcm: Samples, form: str, draw: Draw, folder: Path) -> list[Path]:
    """The recording in a format: a file, or one for each channel where the format has but one."""
    parts = [pcm[number : number + 1] for number in range(len(pcm))] if form == "amr" else [pcm]
    paths = []
    for number, part in enumerate(parts):
        data, ending = file_of(f"{form}-12200" if form == "amr" else form, part, draw)
        path = folder / f"{form}-{number}.{ending}"
        path.write_bytes(data)
        paths.append(path)
    return paths


class Tally:
    """What was found, missed and invented, by damage and by format."""

    def __init__(self) -> None:
        self.applied: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.invented: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.named = 0

    def add(self, damage: Damage | None, form: str, seen: Verification, where: str) -> None:
        kinds = set(seen.kinds)
        right = set() if damage is None else kinds & {*damage.kinds, *damage.also}
        wrong = kinds - right
        named = damage is not None and bool(kinds & set(damage.kinds))
        name = "(clean)" if damage is None else damage.name
        for key in (name, form):
            self.applied[key] += damage is not None or key == name
            self.found[key] += named
            self.invented[key] += len(wrong)
        self.named += len(kinds)
        self.names.update(wrong)
        if damage is not None and not named:
            print(f"missed: {where}: {seen.kinds or 'nothing'}", flush=True)
        elif wrong:
            words = [it.words for it in seen.failures if it.kind in wrong]
            print(f"beside it: {where}: {', '.join(sorted(wrong))}: {words}", flush=True)

    def told(self) -> int:
        for names in ([it.name for it in DAMAGES] + ["(clean)"], FORMATS):
            print(f"\n{'':<18}{'applied':>9}{'found':>7}{'beside it':>11}")
            for name in names:
                count = (self.applied[name], self.found[name], self.invented[name])
                print(f"{name:<18}{count[0]:>9}{count[1]:>7}{count[2]:>11}")
        damages = [it.name for it in DAMAGES]
        applied = sum(self.applied[name] for name in damages)
        found = sum(self.found[name] for name in damages)
        invented = sum(self.invented[name] for name in [*damages, "(clean)"])
        print(f"recall       {found / max(applied, 1):.3f}  ({found} of {applied})")
        right = self.named - invented
        print(f"precision    {right / max(self.named, 1):.3f}  ({right} of {self.named} findings)")
        clean = self.applied["(clean)"]
        print(f"false alarms {self.invented['(clean)'] / max(clean, 1):.3f} on {clean} clean files")
        print(f"beside it: {dict(self.names)}")
        return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=8)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="two calls")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    tally, seeds = Tally(), Seeds(asked.seed)
    forms = asked.formats.split(",")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 if asked.short else asked.calls):
            draw = seeds.generator(f"call/{number}")
            made = Path(folder) / str(number)
            path = simulate(scenario(number, draw), directory=made).recording().path
            pcm, truth = read_wav(path).pcm, truth_path(path)
            jobs: list[tuple[Damage | None, str]] = [(None, form) for form in forms]
            jobs += [(it, str(draw.choice(forms))) for it in DAMAGES]
            for damage, form in jobs:
                broken = np.array(pcm)
                channel = int(draw.integers(2))
                if damage is not None and damage.name in CONFINED and not form.startswith("wav"):
                    form = "wav"
                if asked.only and (damage is None or damage.name not in asked.only.split(",")):
                    continue
                if damage is not None:
                    broken = damage.apply(broken, channel, draw)
                files = stored(broken, form, draw, made)
                seen = verify(files, truth, any_start=form not in ("wav", "alaw"))
                what = "clean" if damage is None else damage.name
                tally.add(damage, form, seen, f"call {number}, {what} in {channel + 1}, {form}")
    return tally.told()


if __name__ == "__main__":
    sys.exit(main())
