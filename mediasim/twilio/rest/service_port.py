"""What the REST API needs of the account behind it. All of it runs on the engine's loop.

Whatever a method cannot do it refuses with a TwilioError, which is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mediasim.exchange.catalogue import Catalogue
from mediasim.exchange.dates import Dates
from mediasim.exchange.media_store import MediaStore
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.twilio.asks import (
    CallRequest,
    CallUpdate,
    ConferenceUpdate,
    ParticipantRequest,
    ParticipantUpdate,
    RecordingRequest,
    Script,
    StreamRequest,
)
from mediasim.twilio.resources import (
    AccountRecord,
    ApplicationRecord,
    Book,
    KeyRecord,
    MemberRecord,
    NotificationRecord,
    NumberRecord,
    ParticipantRecord,
    QueueRecord,
    TranscriptionRecord,
)
from mediasim.twilio.streams.record import StreamRecord
from mediasim.twilio.webhooks import Delivery

__all__ = ["ConferencesPort", "QueuesPort", "ServicePort", "StreamsPort", "WebhooksPort"]


class ConferencesPort(Protocol):
    """Conferences and who is in them."""

    def update_conference(self, sid: str, ask: ConferenceUpdate) -> ConferenceRecord:
        """End it, or announce something to all. Unknown: 404."""

    def current_recording(self, sid: str) -> RecordingRecord:
        """``Twilio.CURRENT`` of a conference."""

    def participants(self, sid: str) -> Sequence[ParticipantRecord]:
        """Who is in it, or on the way into it, in order of arrival; of one that has ended: none."""

    def participant(self, sid: str, who: str) -> ParticipantRecord:
        """One of them, by call SID or label. Unknown: 404."""

    async def create_participant(self, key: str, ask: ParticipantRequest) -> ParticipantRecord:
        """Call somebody into a conference of a SID or friendly name, which is begun if need be."""

    def update_participant(self, sid: str, who: str, ask: ParticipantUpdate) -> ParticipantRecord:
        """Mute, hold, coach, announce. Unknown: 404."""

    def remove_participant(self, sid: str, who: str) -> None:
        """Out with them. Unknown: 404."""


class QueuesPort(Protocol):
    """Queues and who waits in them."""

    def all(self) -> list[QueueRecord]:
        """Oldest first, with their present sizes."""

    def find(self, sid: str) -> QueueRecord:
        """Unknown: 404."""

    def create(self, name: str, max_size: int = ...) -> QueueRecord:
        """A new one. A wrong or taken name: 400."""

    def update(self, sid: str, name: str | None = None, max_size: int | None = None) -> QueueRecord:
        """Another name or size. Unknown: 404."""

    def remove(self, sid: str) -> object:
        """Unknown: 404; not empty: 400."""

    def members(self, sid: str) -> Sequence[MemberRecord]:
        """Who waits, longest first. Unknown queue: 404."""

    def member(self, sid: str, who: str) -> MemberRecord:
        """One of them, by call SID or ``Front``. Unknown: 404."""

    def dequeue(self, sid: str, who: str, script: Script) -> MemberRecord:
        """One of them goes on with a document. Unknown: 404."""


class StreamsPort(Protocol):
    """Media streams of calls."""

    def start(self, call_sid: str, ask: StreamRequest) -> StreamRecord:
        """One that goes to the app. A call that is not in progress, or a taken name: 400."""

    def stop(self, call_sid: str, key: str) -> StreamRecord:
        """By SID or name. Unknown: 404."""


class WebhooksPort(Protocol):
    """The delivery log."""

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """Every request to the app, oldest first."""


class ServicePort(Protocol):
    """The account."""

    @property
    def account(self) -> AccountRecord: ...
    @property
    def base_url(self) -> str:
        """Where media are served, without a final slash."""

    @property
    def dates(self) -> Dates: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def store(self) -> MediaStore: ...
    @property
    def numbers(self) -> Book[NumberRecord]: ...
    @property
    def applications(self) -> Book[ApplicationRecord]: ...
    @property
    def keys(self) -> Book[KeyRecord]: ...
    @property
    def queues(self) -> QueuesPort: ...
    @property
    def conferences(self) -> ConferencesPort: ...
    @property
    def streams(self) -> StreamsPort: ...
    @property
    def transcriptions(self) -> Book[TranscriptionRecord]: ...
    @property
    def notifications(self) -> Sequence[NotificationRecord]:
        """Oldest first."""

    @property
    def webhooks(self) -> WebhooksPort: ...

    def new_sid(self, prefix: str) -> str:
        """The next SID of a kind."""

    def new_secret(self, sid: str) -> str:
        """The secret of an API key: 32 letters and digits."""

    def notify(
        self,
        call_sid: str | None,
        code: int,
        message: str,
        request_url: str = "",
        *,
        warning: bool = False,
    ) -> None:
        """Note something for the developer."""

    def create_call(self, ask: CallRequest) -> CallRecord: ...
    def update_call(self, sid: str, ask: CallUpdate) -> CallRecord: ...
    def delete_call(self, sid: str) -> None: ...
    def start_recording(self, call_sid: str, ask: RecordingRequest) -> RecordingRecord: ...
    def current_recording(self, call_sid: str) -> RecordingRecord:
        """``Twilio.CURRENT``."""

    def update_recording(
        self, sid: str, status: str, pause_behavior: str | None = None
    ) -> RecordingRecord: ...
    def delete_recording(self, sid: str) -> None: ...
