"""Files of word times: the same words out of each form, and a sentence for each that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediasim.audio.word_files import WordFileError, read_word_times

LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.0
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "TextTier"
        name = "marks"
        xmin = 0
        xmax = 1.0
        points: size = 1
        points [1]:
            number = 0.5
            mark = "x"
    item [2]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.0
        intervals: size = 3
        intervals [1]:
            xmin = 0.1
            xmax = 0.25
            text = "so"
        intervals [2]:
            xmin = 0.25
            xmax = 0.5
            text = ""
        intervals [3]:
            xmin = 0.5
            xmax = 1.0
            text = "say ""hi"""
    item [3]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1.0
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1.0
            text = "s"
'''
SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
1.0
<exists>
1
"IntervalTier"
"speech"
0
1.0
2
0.1
0.25
"so"
0.5
1.0
"say ""hi"""
'''
SAY = 'say "hi"'
ROWS = [{"word": "so", "start": 0.1, "end": 0.25}, {"word": SAY, "start": 0.5, "duration": 0.5}]
ENTRIES = {"tiers": {"words": {"entries": [[0.1, 0.25, "so"], [0.25, 0.5, ""], [0.5, 1.0, SAY]]}}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("long.TextGrid", LONG),
        ("short.textgrid", SHORT),
        ("list.json", json.dumps(ROWS)),
        ("words.json", json.dumps({"text": "…", "words": ROWS})),
        ("whisper.json", json.dumps({"segments": [{"words": ROWS[:1]}, {"words": ROWS[1:]}]})),
        ("mfa.json", json.dumps(ENTRIES)),
    ],
)
def test_every_form_gives_the_same_words(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    found = [(it.text, it.start, it.end, it.estimated) for it in read_word_times(file)]
    assert found == [("so", 800, 2000, False), (SAY, 4000, 8000, False)]


def test_a_ctm_of_several_recordings_is_searched_by_name(tmp_path: Path) -> None:
    file = tmp_path / "all.ctm"
    file.write_text(";; made by hand\none 1 0.5 0.25 b 0.9\none 1 0.1 0.2 a\ntwo A 0 1 c\n")
    found = [(it.text, it.start, it.end) for it in read_word_times(file, recording="one")]
    assert found == [("a", 800, 2400), ("b", 4000, 6000)]
    assert read_word_times(file, recording="two", rate=16_000)[0].end == 16_000
    with pytest.raises(WordFileError, match=r"none of 'three'"):
        read_word_times(file, recording="three")


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("a.ctm", "one 1 0.5 b", "line 1: expected recording, channel, start, duration and word"),
        ("a.ctm", "one 1 0 1 a\none 1 x 1 b", "line 2: expected seconds from 0 on, found 'x'"),
        ("a.ctm", "", "has no words"),
        ("a.json", '{"words":\n 3', "line 2: is no JSON"),
        ("a.json", '{"speech": 3}', "expected a list of words"),
        ("a.json", '[{"word": "a", "start": 1, "end": 0.5}]', "word 1: 'a' ends before it begins"),
        ("a.json", '[{"word": "a", "start": true, "end": 2}]', "found 'True'"),
        ("a.json", '[{"word": 3, "start": 1, "end": 2}]', "expected a text under 'word'"),
        ("a.json", "[3]", 'expected {"word"'),
        ("a.textgrid", "words", "is no TextGrid"),
        ("a.textgrid", LONG.replace('"words"', '"other"'), "its tiers are other, phones"),
        ("a.textgrid", LONG[:-120], "ends too early"),
        ("a.textgrid", LONG.replace("xmax = 0.25", "xmax = 1-2"), "'1-2' is no number"),
        ("a.txt", "a", "expected one of .ctm, .json, .textgrid"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: str | bytes, wrong: str) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WordFileError) as error:
        read_word_times(file)
    assert wrong in str(error.value)
    assert str(error.value).startswith(str(file))
