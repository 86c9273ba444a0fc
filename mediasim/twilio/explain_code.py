"""What one of Twilio's error codes means, and what gives it here."""

from __future__ import annotations

from difflib import get_close_matches

from mediasim.twilio.error_dictionary import error_dictionary
from mediasim.twilio.twiml.codes import SCHEMA, given_for

__all__ = ["explain_code"]


def explain_code(code: int) -> str:
    """Return what an error or warning code of Twilio's dictionary means, in a few lines.

    Raises LookupError, with the codes that are written most alike, where there is no such code.
    """
    entry = error_dictionary().get(code)
    if entry is None:
        alike = get_close_matches(str(code), map(str, error_dictionary()), n=3, cutoff=0.7)
        near = f"; there are {', '.join(alike)}" if alike else ""
        raise LookupError(f"Twilio's dictionary has no code {code} for voice and messages{near}")
    lines = [f"{code}  {entry.level}", f"  {entry.message}"]
    if reasons := given_for(code):
        lines.append(f"  given for {', '.join(reasons)}")
    elif code == SCHEMA:
        lines.append("  given for what a TwiML document has no room for, where no code is narrower")
    return "\n".join([*lines, f"  {entry.more_info}"])
