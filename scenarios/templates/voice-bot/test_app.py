from app import app


def test_the_bot_answers_and_can_be_interrupted(mediasim_sandbox):
    mediasim_sandbox.app(app)
    question = {"tone": {"hz": 400, "for": "1s"}}  # the bot has no ears for words
    call = mediasim_sandbox.call(
        script=[{"pause": "1s"}, question, {"pause": "2s"}, question, {"pause": "6s"}, "hangup"]
    )
    mediasim_sandbox.run_until_idle()

    talk = call.stream.conversation
    talk.assert_response("500ms")
    talk.assert_barge_in("300ms")
    talk.assert_talk_over("300ms")
