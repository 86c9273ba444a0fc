"""What an account may do: numbers it calls and calls from, how often, how many at once, trials."""

from mediasim.twilio.rules.account_rules import AccountRules
from mediasim.twilio.rules.permissions import (
    DialingPermission,
    DialingPermissions,
    countries_of,
)
from mediasim.twilio.rules.settings import CallLimits, RulesSettings, TestCredentials

__all__ = [
    "AccountRules",
    "CallLimits",
    "DialingPermission",
    "DialingPermissions",
    "RulesSettings",
    "TestCredentials",
    "countries_of",
]
