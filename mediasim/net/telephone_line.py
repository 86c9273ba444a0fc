"""A party's telephone line, as it is described: the colour of what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator

from mediasim.documents.durations import Duration
from mediasim.documents.model import Misfit, Model
from mediasim.documents.values import Decibels, Level

__all__ = ["LineNoise", "TelephoneLine"]

LineNoise = Literal["none", "white", "pink", "babble", "street"]
_ECHO_DELAYS: Final = (Duration.of("60ms"), Duration.of("500ms"))


def _echo_delay(value: Duration) -> Duration:
    least, most = _ECHO_DELAYS
    if value and not least <= value <= most:
        raise ValueError(f"expected {least} to {most}, or 0s for no echo, found {value}")
    return value


class TelephoneLine(Model):
    """A telephone line; a bare word is its ``kind``. What is absent is drawn for each call."""

    stands_for: ClassVar[str] = "kind"

    kind: Literal["clean", "telephone", "mobile"] = "clean"
    """telephone: a band of 300 to 3400 Hz, a level, hiss. mobile: the band, a level, gain control,
    a crowd or a street behind, an echo."""
    level: Level | None = None
    """dBFS at which speech of the ordinary level, -20, is sent, and all else with it; -35 to -15
    where absent."""
    agc: Decibels | None = None
    """Most gain of automatic gain control, either way; 0 for none; 6 to 12 for a mobile where
    absent."""
    noise: LineNoise | None = None
    """The noise on the line, all the time; by the kind where absent."""
    noise_level: Level | None = None
    """dBFS of the noise; by the kind where absent."""
    echo: Annotated[Duration, AfterValidator(_echo_delay)] | None = None
    """How late what is heard is sent back, 60ms to 500ms; 0s for never; 120ms to 400ms for a mobile
    where absent."""
    echo_loss: Decibels | None = None
    """How much softer the echo is; 40 to 55 dB where absent."""

    @property
    def noisy(self) -> bool:
        """Whether there is noise on it."""
        return self.kind != "clean" and self.noise != "none"

    @property
    def echoes(self) -> bool:
        """Whether what is heard is sent back."""
        return self.kind == "mobile" if self.echo is None else bool(self.echo)

    @property
    def drawn_by_leg(self) -> bool:
        """Whether something of it is drawn under the name of its leg."""
        mobile = self.kind == "mobile"
        return self.kind != "clean" and (
            self.level is None
            or self.noise != "none"
            or (mobile and None in (self.agc, self.echo))
            or (self.echoes and self.echo_loss is None)
        )

    def troubles(self) -> Iterator[Misfit]:
        if self.kind == "clean":
            for key in sorted(self.model_fields_set - {"kind"}):
                yield (key,), "expected none of a clean line: write kind: telephone or mobile"
            return
        if self.noise == "none" and self.noise_level is not None:
            yield ("noise_level",), "expected none where there is no noise"
        if self.echo_loss is not None and not self.echoes:
            yield ("echo_loss",), "expected none where there is no echo: write echo: 120ms"
