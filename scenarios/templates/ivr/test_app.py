import pytest
from app import app


@pytest.mark.parametrize(
    ("does", "heard"),
    [
        ({"dtmf": "1"}, "Sales."),
        ({"dtmf": "2"}, "Support."),
        ({"say": "Support."}, "Support."),
        ({"pause": "1s"}, "Good bye."),
    ],
)
def test_the_menu(mediasim_sandbox, does, heard):
    mediasim_sandbox.app(app)
    call = mediasim_sandbox.call(script=[{"wait_for": "other-stops"}, does, {"pause": "1m"}])
    mediasim_sandbox.run_until_idle()
    assert call.heard == heard


def test_a_wrong_key_is_asked_again(mediasim_sandbox):
    mediasim_sandbox.app(app)
    asked = {"wait_for": "other-stops"}
    call = mediasim_sandbox.call(
        script=[asked, {"dtmf": "9"}, asked, {"dtmf": "1"}, {"pause": "1m"}]
    )
    mediasim_sandbox.run_until_idle()
    assert call.heard == "Sales."
