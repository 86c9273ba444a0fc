"""The part of a config file that describes Pay Connectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, WithJsonSchema

from mediasim.documents.durations import Duration
from mediasim.documents.model import Many, Misfit, Model
from mediasim.documents.values import Text
from mediasim.exchange.payments import PaymentMethod
from mediasim.sandbox.config_values import Url
from mediasim.twilio.payments import PayConnector

__all__ = ["PayConnectorSpec", "pay_connectors"]


def _answer(value: Any) -> Any:
    """Return YAML's yes and no as the words they are here."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


_Answer = Annotated[
    Literal["yes", "no", "expired"],
    BeforeValidator(_answer),
    WithJsonSchema({"enum": [True, False, "yes", "no", "expired"]}),
]


class PayConnectorSpec(Model):
    """A Pay Connector. A bare word is what it says of every card: yes, no or expired."""

    stands_for: ClassVar[str] = "answer"

    answer: _Answer | None = None
    """What it says of every card: yes takes it, no declines it, expired says that it has
    expired."""
    takes: Duration = Duration.of("0s")
    """How long it takes to say so."""
    url: Url | None = None
    """Instead of an answer: the endpoint that is asked, as Twilio's Generic Pay Connector asks
    it."""
    username: Text | None = None
    """The name that the endpoint is asked with."""
    password: Text | None = None
    """The password that the endpoint is asked with."""
    mode: Literal["live", "test"] = "live"
    """Whether any card is passed on to the endpoint, or only Twilio's test cards and accounts."""
    methods: Many[PaymentMethod] = ("credit-card", "ach-debit")
    """What it takes: credit-card, ach-debit."""
    transactions: Many[Literal["charge", "tokenize"]] = ("charge", "tokenize")
    """What it does: charge, tokenize."""
    currencies: Many[Text] = ()
    """The currencies that it takes; all where there are none."""

    def troubles(self) -> Iterator[Misfit]:
        if self.url is not None and self.answer is not None:
            yield ("answer",), "expected url or answer, found both"
        for name in ("username", "password"):
            if self.url is None and getattr(self, name) is not None:
                yield (name,), "expected none: only an endpoint is asked with it; give its url"
        if self.url is None and self.mode == "test":
            yield ("mode",), "expected live: only an endpoint has a test mode; give its url"

    @property
    def connector(self) -> PayConnector:
        """The connector as the account has it."""
        return PayConnector(
            answer=self.answer or "yes",
            takes_ns=int(self.takes),
            url=self.url,
            username=self.username or "",
            password=self.password or "",
            test_mode=self.mode == "test",
            methods=tuple(self.methods),
            transactions=tuple(self.transactions),
            currencies=tuple(each.upper() for each in self.currencies),
        )


def pay_connectors(specs: Mapping[str, PayConnectorSpec]) -> Mapping[str, PayConnector] | None:
    """Return the connectors of a config by their names; None where it has none."""
    return {name: spec.connector for name, spec in specs.items()} or None
