from app import app


def test_the_bot_answers(mediasim_sandbox):
    mediasim_sandbox.app(app)
    call = mediasim_sandbox.call(
        script=[
            {"wait_for": "other-stops"},
            {"say": "Where is my order?"},
            {"wait_for": {"speech": True}},
            {"wait_for": "other-stops"},
            "hangup",
        ]
    )
    mediasim_sandbox.run_until_idle()

    assert [prompt.text for prompt in call.relay.prompts] == ["Where is my order?"]
    assert call.heard == "It left this morning."
    call.relay.conversation.assert_response("1500ms")
