"""Transcripts, services and configurations survive a restart, as they were written."""

from __future__ import annotations

import json

from mediasim.sandbox.persistence import from_document, to_document
from mediasim.twilio.transcripts.configurations import ConfigurationRecord
from mediasim.twilio.transcripts.records import ServiceRecord, TranscriptRecord
from mediasim.twilio.transcripts.sentences import Sentence, SentenceWord


def test_records_are_read_as_they_were_written() -> None:
    sentence = Sentence("GX0", 2, (SentenceWord("Hello", 80, 160, 0.5),))
    records = (
        TranscriptRecord(
            sid="GT0",
            account_sid="AC0",
            kind="voice",
            service_sid="GA0",
            created_ns=5,
            participants=[{"audioChannelIndex": 1, "type": "CUSTOMER"}],
            configuration={"language": "en-US", "callback": {"url": "http://a"}},
            operator_sids=("LY0",),
            sentences=(sentence,),
            status="completed",
        ),
        ServiceRecord(
            sid="GA0", account_sid="AC0", unique_name="a", created_ns=5, operator_sids=("LY0",)
        ),
        ConfigurationRecord(
            sid="voice_0",
            account_sid="AC0",
            type="Recording",
            created_ns=5,
            configuration={"features": [{"featureId": "a"}], "compositionPolicy": {"trim": "b"}},
        ),
    )
    for record in records:
        document = json.loads(json.dumps(to_document(record, 1000)))
        assert from_document(type(record), document, 1000) == record
