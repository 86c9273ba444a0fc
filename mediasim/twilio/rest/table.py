"""The table of resources: one row each, read by all parts that handle every resource."""

from __future__ import annotations

import re
from typing import Final

from mediasim.twilio.rest.account_facts import BALANCE, TOKENS
from mediasim.twilio.rest.accounts import ACCOUNTS, KEYS, SIGNING_KEYS
from mediasim.twilio.rest.available_numbers import AVAILABLE_COUNTRIES, AVAILABLE_NUMBERS
from mediasim.twilio.rest.call_summaries import CALL_SUMMARIES
from mediasim.twilio.rest.caller_ids import CALLER_IDS
from mediasim.twilio.rest.calls import CALLS, STREAMS
from mediasim.twilio.rest.conference_insights import CONFERENCE_INSIGHTS, PARTICIPANT_INSIGHTS
from mediasim.twilio.rest.conferences import CONFERENCES, PARTICIPANTS
from mediasim.twilio.rest.credentials import AWS_CREDENTIALS, PUBLIC_KEYS
from mediasim.twilio.rest.dialing_permissions import COUNTRIES, COUNTRY_UPDATES
from mediasim.twilio.rest.events import EVENTS
from mediasim.twilio.rest.insights import (
    ANNOTATIONS,
    CALL_EVENTS,
    CALL_INSIGHTS,
    CALL_METRICS,
)
from mediasim.twilio.rest.insights_settings import INSIGHTS_SETTINGS
from mediasim.twilio.rest.intelligence.operators import LANGUAGE_OPERATORS
from mediasim.twilio.rest.intelligence.services import ATTACHMENTS, SERVICES
from mediasim.twilio.rest.intelligence.transcripts import (
    OPERATOR_RESULTS,
    SENTENCES,
    TRANSCRIPT_MEDIA,
    TRANSCRIPTS,
)
from mediasim.twilio.rest.live_transcriptions import LIVE_TRANSCRIPTIONS
from mediasim.twilio.rest.lookups import LOOKUPS
from mediasim.twilio.rest.messages import FEEDBACK, MEDIA, MESSAGES
from mediasim.twilio.rest.notifications import NOTIFICATIONS
from mediasim.twilio.rest.numbers import APPLICATIONS, NUMBERS
from mediasim.twilio.rest.paging import PAGING
from mediasim.twilio.rest.payments import PAYMENTS
from mediasim.twilio.rest.queues import MEMBERS, QUEUES
from mediasim.twilio.rest.recordings import RECORDINGS
from mediasim.twilio.rest.resource import ACCOUNT, Resource, Stored
from mediasim.twilio.rest.sip.domains import DOMAIN_MAPPINGS, DOMAINS
from mediasim.twilio.rest.sip.lists import (
    ACCESS_LISTS,
    ADDRESSES,
    CREDENTIAL_LISTS,
    CREDENTIALS,
)
from mediasim.twilio.rest.sip.trunks import TRUNKING
from mediasim.twilio.rest.siprec import SIPREC
from mediasim.twilio.rest.transcriptions import TRANSCRIPTIONS
from mediasim.twilio.rest.user_messages import SUBSCRIPTIONS, USER_MESSAGES
from mediasim.twilio.rest.voice.configurations import (
    CONFIGURATIONS,
    RECORDING_DEFAULT,
    TRANSCRIPTION_CONFIGURATIONS,
)
from mediasim.twilio.rest.voice.transcriptions import VOICE_TRANSCRIPTIONS

__all__ = ["RESOURCES", "all_stored", "callbacks", "coverage"]

RESOURCES: Final[list[Resource]] = [
    CALLS,
    RECORDINGS,
    TRANSCRIPTIONS,
    STREAMS,
    LIVE_TRANSCRIPTIONS,
    SIPREC,
    PAYMENTS,
    USER_MESSAGES,
    SUBSCRIPTIONS,
    CONFERENCES,
    PARTICIPANTS,
    NOTIFICATIONS,
    EVENTS,
    QUEUES,
    MEMBERS,
    MESSAGES,
    FEEDBACK,
    MEDIA,
    NUMBERS,
    AVAILABLE_COUNTRIES,
    AVAILABLE_NUMBERS,
    CALLER_IDS,
    APPLICATIONS,
    KEYS,
    SIGNING_KEYS,
    PUBLIC_KEYS,
    AWS_CREDENTIALS,
    ACCOUNTS,
    BALANCE,
    TOKENS,
    LOOKUPS,
    INSIGHTS_SETTINGS,
    CALL_SUMMARIES,
    CALL_INSIGHTS,
    CALL_EVENTS,
    CALL_METRICS,
    ANNOTATIONS,
    CONFERENCE_INSIGHTS,
    PARTICIPANT_INSIGHTS,
    COUNTRIES,
    COUNTRY_UPDATES,
    SERVICES,
    ATTACHMENTS,
    LANGUAGE_OPERATORS,
    TRANSCRIPTS,
    SENTENCES,
    TRANSCRIPT_MEDIA,
    OPERATOR_RESULTS,
    CONFIGURATIONS,
    TRANSCRIPTION_CONFIGURATIONS,
    RECORDING_DEFAULT,
    VOICE_TRANSCRIPTIONS,
    DOMAINS,
    *DOMAIN_MAPPINGS,
    CREDENTIAL_LISTS,
    CREDENTIALS,
    ACCESS_LISTS,
    ADDRESSES,
    *TRUNKING,
]
"""All resources. Not copied at import: a test may add one."""


def all_stored() -> dict[str, Stored]:
    """Return how records are stored, by their kind."""
    own = (each.stored for each in RESOURCES)
    beside = (stored for each in RESOURCES for stored in each.beside)
    return {stored.kind: stored for stored in (*own, *beside) if stored is not None}


def callbacks() -> tuple[str, ...]:
    """Return all kinds of callbacks, in the delivery log and in fault injection."""
    return tuple(kind for each in RESOURCES for kind in each.callbacks)


def coverage() -> str:
    """Return the operations as a table in Markdown: resource, method, path, parameters."""
    lines = ["| resource | method | path | parameters |", "|---|---|---|---|"]
    for each in RESOURCES:
        for path, methods in each.paths.items():
            for method, operation in methods.items():
                # A numbered parameter stands for all of its kind; every list has paging.
                names = dict.fromkeys(re.sub(r"\d+", "N", name) for name in operation.parameters)
                names = {name: None for name in names if name not in PAGING}
                shown = path.replace(ACCOUNT, "…")
                lines.append(f"| {each.name} | `{method}` | `{shown}` | {', '.join(names)} |")
    return "\n".join(lines) + "\n"
