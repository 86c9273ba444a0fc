import app


def test_a_message_is_left(mediasim_sandbox):
    app.messages.clear()
    mediasim_sandbox.app(app.app)
    call = mediasim_sandbox.call(
        script=[{"wait_for": {"quiet": "1s"}}, {"say": "Please call me back."}, {"pause": "20s"}]
    )
    mediasim_sandbox.run_until_idle()

    (message,) = call.recordings
    message.assert_heard("caller", channel=1, text="call me back")
    assert call.heard == "Thank you."
    assert [url.rpartition("/")[2] for url in app.messages] == [message.sid]


def test_a_caller_who_hangs_up_before_the_beep_leaves_nothing(mediasim_sandbox):
    app.messages.clear()
    mediasim_sandbox.app(app.app)
    call = mediasim_sandbox.call(script=[{"pause": "1s"}, "hangup"])
    mediasim_sandbox.run_until_idle()

    assert call.recordings == []
    assert app.messages == []
