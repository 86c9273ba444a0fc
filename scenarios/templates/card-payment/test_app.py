from app import payment_line

CARD = "4111111111111111"


def test_no_recording_has_the_card(mediasim_sandbox):
    mediasim_sandbox.app(payment_line(mediasim_sandbox.client))
    call = mediasim_sandbox.call(
        script=[
            {"wait_for": {"quiet": "1s"}},
            {"dtmf": {"digits": CARD, "in_band": True}},
            {"wait_for": "other-stops"},
            {"say": "Thanks, bye."},
        ]
    )
    mediasim_sandbox.run_until_idle()

    call.recordings[0].assert_heard("caller", channel=1, text="thanks")
    mediasim_sandbox.assert_never_contains(CARD)
