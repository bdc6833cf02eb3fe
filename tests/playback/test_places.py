"""What may a person type to go somewhere, and which moments are there to jump to?"""

from __future__ import annotations

from datetime import datetime

import pytest
from playback.demo import lines_of, recording_of

from perfwatch.errors import ConfigError
from perfwatch.playback.moments import SEEN_S, Moment, after, before, called, moment_of
from perfwatch.playback.places import origin_of, place_of

RECORDING = recording_of(lines_of())
ORIGIN = origin_of(RECORDING)
MEASURE = next(one.t for one in RECORDING.moments if one.name == "measure begin")
HERE = 20.0


@pytest.mark.parametrize(
    ("text", "t"),
    [
        ("0", ORIGIN),
        ("begin", ORIGIN),
        ("12", ORIGIN + 12.0),
        ("12.5s", ORIGIN + 12.5),
        ("0:30", ORIGIN + 30.0),
        ("1:02:03", ORIGIN + 3723.0),
        ("2m", ORIGIN + 120.0),
        (" +5s ", HERE + 5.0),
        ("-0:10", HERE - 10.0),
        ("end", RECORDING.end_t),
        ("50%", ORIGIN + (RECORDING.end_t - ORIGIN) / 2.0),
        ("measure", MEASURE + SEEN_S),
        ("MEASURE", MEASURE + SEEN_S),
        ("measure begin", MEASURE + SEEN_S),
    ],
)
def test_a_place_is_a_time_a_share_or_a_name(text: str, t: float) -> None:
    assert place_of(text, RECORDING, HERE) == pytest.approx(t)


def test_a_time_of_the_day_is_that_of_the_recording() -> None:
    began_s = RECORDING.header["clock"]["time_ns"] / 1e9
    moment = datetime.fromtimestamp(round(began_s) + 30).isoformat(sep=" ")
    assert place_of(moment, RECORDING, HERE) == pytest.approx(30.0, abs=0.6)


@pytest.mark.parametrize(
    "text", ["", "nowhere", "1:2:3:4", "12 parsecs", "%", "x%", "99:99:99:99", "\x1b[31m"]
)
def test_what_is_no_place_is_told_with_what_may_be_one(text: str) -> None:
    with pytest.raises(ConfigError, match="to go to; it may be") as caught:
        place_of(text, RECORDING, HERE)
    assert "\x1b" not in str(caught.value)


def test_moments_are_found_behind_and_before_a_time() -> None:
    told = [Moment(1.0, "a begin"), Moment(2.0, "b"), Moment(2.1, "c"), Moment(9.0, "a begin")]
    assert after(told, 0.0) == told[0]
    assert after(told, 1.0 + SEEN_S) == told[1]
    assert after(told, 9.0) is None
    assert before(told, 9.0 + SEEN_S) == told[2]
    assert before(told, 1.2) is None
    assert called(told, "a", 5.0) == told[3]
    assert called(told, "a", 9.2) == told[0]  # round again


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"t": 1, "event": "mark", "name": "epoch 3", "edge": "begin"}, "epoch 3 begin"),
        ({"t": 1, "event": "mark", "name": "saved", "edge": "point"}, "saved"),
        ({"t": 1, "event": "job", "what": "end"}, "job end"),
        ({"t": 1, "event": "gone", "n": 3}, "device gone"),
        ({"t": 1, "event": "status", "collector": "nvidia", "state": "stale"}, "nvidia stale"),
        ({"t": 1, "event": "status", "collector": "nvidia", "state": "ok"}, None),
        ({"t": 1, "event": "observer"}, None),
        ({"t": "x", "event": "mark", "name": "saved"}, None),
        ({"event": 7}, None),
    ],
)
def test_a_moment_is_what_one_may_want_to_see(record: dict[str, object], name: str | None) -> None:
    found = moment_of(record)
    assert (None if found is None else found.name) == name
