"""The examples are run by a test, each in a folder of its own, as their readers would run them."""

collect_ignore = ["examples"]
