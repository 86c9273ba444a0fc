from app import PIN, app


def test_everybody_is_heard(mediasim_sandbox):
    mediasim_sandbox.app(app)
    enter = [{"wait_for": "other-stops"}, {"dtmf": PIN}]
    scripts = {
        "ann": [*enter, {"pause": "6s"}, {"say": "Then we are all here."}, "hangup"],
        "ben": [*enter, {"pause": "2s"}, {"say": "This is Ben."}, {"pause": "20s"}],
    }
    for name, script in scripts.items():
        mediasim_sandbox.party(name, script)
        mediasim_sandbox.call(name)
        mediasim_sandbox.advance("100ms")
    mediasim_sandbox.run_until_idle()

    (recording,) = mediasim_sandbox.recordings
    recording.assert_heard("ann", channel=1, text="all here")
    recording.assert_heard("ben", channel=2)


def test_a_wrong_pin_is_refused(mediasim_sandbox):
    mediasim_sandbox.app(app)
    call = mediasim_sandbox.call(
        script=[{"wait_for": "other-stops"}, {"dtmf": "1111"}, {"pause": "10s"}]
    )
    mediasim_sandbox.run_until_idle()
    assert call.heard == "That is not the PIN."
    assert mediasim_sandbox.recordings == []
