import pytest
from app import app, reached, remind


@pytest.mark.parametrize(
    ("script", "answer", "expected"),
    [
        ([{"answer_as": "human"}, {"pause": "20s"}], "2s", "human"),
        ([{"answer_as": "machine"}, {"pause": "20s"}], "2s", "machine_end_beep"),
        ([], "busy", "busy"),
        ([], "no-answer", "no-answer"),
    ],
)
def test_the_reminder(mediasim_sandbox, script, answer, expected):
    served = mediasim_sandbox.app(app)
    customer = mediasim_sandbox.party("customer", script, answer=answer)
    remind(mediasim_sandbox.client, customer, "+15005550006", served.url)
    mediasim_sandbox.run_until_idle()
    assert reached[customer] == expected
