"""The scenario that ``mediasim new NAME`` writes: small, commented, and it passes as it is."""

from __future__ import annotations

import re
from typing import Final

from mediasim.audio.codecs import CODECS
from mediasim.documents.values import NAME

__all__ = ["SCHEMA_FILE", "starter_scenario"]

SCHEMA_FILE: Final = "scenario.schema.json"
"""Name of the file, beside a new scenario, that editors complete and check it by."""

_STARTER: Final = """\
# yaml-language-server: $schema={schema}
# What this scenario teaches: say it here in a line or two.
#
# Run it:                   mediasim run {name}.yaml
# Check it, and do not run: mediasim check {name}.yaml
# Run it as you change it:  mediasim watch {name}.yaml

name: {name}
seed: 1                     # the same seed gives the same bytes

parties:
  alice:
    script:                 # what she does from when her leg is answered, step by step
      - wait_for: other-stops       # until the other has spoken and fallen silent
      - say: Hello, this is Alice. I have lost my order number.
      - wait_for: other-stops
      - say: Thank you. Good bye.
      - pause: 500ms
      - hangup
  bob:
    codec: PCMA             # {codecs}
    network: {{delay: 30ms, jitter: 10ms, loss: 1%}}
    script:
      - say: Support, this is Bob. How can I help?
      - wait_for: other-stops
      - say: I can see it here. It is on its way.
      # More steps: play: file.wav   tone: {{hz: 440, for: 2s}}   noise: {{for: 1s}}
      #             dtmf: "12#"   pause: 1s   wait_for: {{digit: "1"}}   emit: name
      #             mute   unmute   hold   resume   repeat: {{times: 2, steps: [...]}}

call:
  from: alice
  to: bob
  answer: 2s                # or no-answer, busy, reject
  recording: dual           # or true for the defaults, or {{start: ringing, track: inbound}}

expect:
  - status: completed
  - channels: 2
  - heard: {{party: alice, channel: 1, text: lost my order number}}
  - heard: {{party: bob, channel: 2, text: it is on its way}}
  - no_crosstalk: -50       # what one says is at least 50 dB down in the other's channel
  - aligned: {{party: alice, within: 0}}      # samples
  - download: {{requested_channels: 2, channels: 2}}

# Many runs from one file:
# matrix:
#   parties.alice.codec: [PCMU, PCMA, G722]
#   seed: [1, 2, 3]
"""


def starter_scenario(name: str) -> str:
    """Return the text of a starter scenario.

    Raises ValueError if the name has other characters than names may have.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError(f"expected a name of letters, digits, '-' and '_', found {name!r}")
    default, *more, last = CODECS
    codecs = f"{', '.join((f'{default} (default)', *more))} or {last}"
    return _STARTER.format(name=name, codecs=codecs, schema=SCHEMA_FILE)
