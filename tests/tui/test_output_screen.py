"""Output and events: the newest lines of both, in words, searched by the filter."""

from __future__ import annotations

from derive.build import Session, every
from looking import SIZES, declared, fits_everywhere, line_with, look, scene
from story import scene_of

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind
from perfwatch.session import format as fmt
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.screens import output
from perfwatch.tui.view import View

GPU = Device("GPU-1", "H100", DeviceKind.ACCELERATOR, 0, (m.POWER,))
LINES = [f"step {number} \x1b[1;33mloss\x1b[0m {1 / (number + 1):.3f}" for number in range(60)]


def story(*events: dict[str, object]):
    return scene(declared(0, "nvidia", GPU), *events)


def event(t: float, kind: str, **fields: object) -> dict[str, object]:
    return fmt.event(t, kind, fields)


def test_the_newest_lines_of_the_job_are_in_sight_at_every_size():
    seen = story(event(1.0, "job", what="begin", pid=4711))
    for size in SIZES:
        lines = look(output.draw, seen, 9.0, size, output=LINES)
        assert any(line.startswith("step 59 loss 0.017") for line in lines)
        assert "60 lines" in lines[0]
        assert any("the job began (pid 4711)" in line for line in lines)
    fits_everywhere(output.draw, seen, 9.0, output=[*LINES, "日本語 \x1b[31m" * 40, "\x1b]0;title\x07\u202e"])


def test_the_job_keeps_its_own_colours():
    drawn = output.draw(_frame(["plain \x1b[1;31mred\x1b[0m"]), View(), (40, 5), Book())
    assert ("red", "ansi:1;31") in [tuple(span) for row in drawn for span in row]


def test_a_colour_that_began_above_the_lines_in_sight_still_holds():
    lines = ["\x1b[32mgreen from here", *(f"line {number}" for number in range(30))]
    drawn = output.draw(_frame(lines), View(), (40, 6), Book())
    assert ("line 29", "ansi:32") in [tuple(span) for row in drawn for span in row]


def _frame(lines: list[str]):
    from dataclasses import replace

    return replace(story().frame(1.0), output=tuple(lines))


def test_going_back_says_how_much_newer_there_is():
    lines = look(output.draw, story(), 9.0, (80, 12), output=LINES, selected=20)
    assert "20 newer below" in lines[0]
    assert any(line.startswith("step 39 ") for line in lines)
    assert not any(line.startswith("step 40 ") for line in lines)


def test_going_back_ends_at_the_first_line():
    lines = look(output.draw, story(), 9.0, (80, 12), output=LINES, selected=100_000)
    assert lines[1].startswith("step 0 ")


def test_the_filter_searches_output_and_events():
    seen = story(event(2.0, "note", text="the LOSS is odd"), event(3.0, "note", text="another"))
    lines = look(output.draw, seen, 9.0, output=["loss 1", "gain 2"], filter="loss")
    assert "1 of 2 lines" in lines[0]
    assert any("the LOSS is odd" in line for line in lines)
    assert not any("gain" in line or "another" in line for line in lines)


def test_what_was_searched_for_is_marked():
    drawn = output.draw(_frame(["a loss b"]), View(filter="loss"), (40, 5), Book())
    assert ("loss", "selected") in [tuple(span) for row in drawn for span in row]


def test_without_a_job_it_says_how_to_see_one():
    lines = look(output.draw, story(), 9.0)
    assert "perfwatch run -- COMMAND" in "\n".join(lines)
    assert len([line for line in lines if line]) <= 5


def test_events_are_told_in_plain_words_with_a_sign_for_their_weight():
    seen = story(
        event(0.1, "status", collector="nvidia", state="opening"),
        event(0.2, "status", collector="nvidia", state="ok"),
        event(1.0, "job", what="begin", pid=1),
        event(2.0, "mark", name="measure", edge="begin", origin="job"),
        event(
            3.0, "status", collector="nvidia", device_id="GPU-1", state="stale", reason="no answer for 3 s"
        ),
        event(4.0, "status", collector="nvidia", device_id="GPU-1", state="ok"),
        event(5.0, "lost", source="statsd", datagrams=1200),
        event(6.0, "gone", n=0, reason="fell off the bus"),
        event(7.0, "late_source", collector="page"),
        event(8.0, "left_behind", processes=[[77, "worker"]]),
        event(8.1, "neighbour", n=0, pid=52417),
        event(9.0, "missing", records=1, reason="the disk is full"),
        event(65.0, "job", what="end", exit_status=3),
    )
    told = "\n".join(look(output.draw, seen, 70.0, (100, 30)))
    for sentence in (
        "00:02 ▸ measure begins",
        "00:03 ! nvidia:0 does not answer: no answer for 3 s",
        "00:04 ✓ nvidia:0 answers again",
        "00:05 ✗ 1 200 messages of statsd were lost: counts are too low",
        "00:06 ! nvidia:0 is gone: fell off the bus",
        "00:07 ! page was not ready when the job began",
        "00:08 ! processes of the job go on: worker (77)",
        "00:08 ! nvidia:0 is used by pid 52417 too, which is not of the job",
        "00:09 ✗ 1 record could not be kept: the disk is full",
        "01:05 ✗ the job ended after 64.0 s with exit status 3",
    ):
        assert sentence in told
    assert "opening" not in told
    assert "nvidia answers again" not in told


def test_throttling_of_the_runs_devices_is_an_event_with_its_end():
    session = Session()
    session.job(0.0, None)
    number = session.device(metrics=(m.POWER, m.THROTTLE_REASONS))
    hot = [*range(10, 14), *range(17, 20), *range(50, 53)]  # it comes and goes, and comes back later
    session.poll(number, every(1.0, 0.0, 60.0), lambda t: 100.0, lambda t: 0x20 * (int(t) in hot))
    scene, _ = scene_of(session)
    frame = scene.frame(60.0)
    seen = "\n".join(plain(row) for row in output.draw(frame, View(), (100, 30), Book()))
    lines = [line.strip() for line in seen.splitlines() if "throttled" in line]
    assert lines == [
        "00:10 ! nvidia:0 is throttled: thermal",
        "00:20 ✓ nvidia:0 is throttled no more, after 10.0 s",
        "00:50 ! nvidia:0 is throttled: thermal",
        "00:53 ✓ nvidia:0 is throttled no more, after 3.00 s",
    ]


def test_all_events_can_be_read_whole_and_gone_back_through():
    long = "the board fell off the bus, " * 8
    seen = story(*(event(float(n), "note", text=f"note {n} {long}") for n in range(1, 30)))
    few = "\n".join(look(output.draw, seen, 40.0, (80, 10)))
    assert "older; enter: all" in few
    alone = look(output.draw, seen, 40.0, (80, 24), zoom="events")
    text = " ".join(" ".join(alone).split())
    assert "29 in all" in text
    assert text.count("fell off the bus") >= 8, "nothing is cut"
    back = "\n".join(look(output.draw, seen, 40.0, (80, 24), zoom="events", selected=28))
    assert "note 1 " in back
    assert "28 newer below, 29 in all" in back


def test_how_the_job_ended_is_said():
    for fields, words in (
        ({"exit_status": 0}, "✓ the job ended with exit status 0"),
        ({"exit_status": 137, "signal": 9}, "✗ the job was ended by SIGKILL"),
        (
            {"exit_status": 143, "signal": 15, "time_limit_s": 60.0},
            "· the time limit of 60.0 s ended the job",
        ),
        ({"goes_on": True, "because": "SIGHUP"}, "· watching ended, the job goes on: SIGHUP"),
    ):
        told = look(output.draw, story(event(1.0, "job", what="end", **fields)), 2.0)
        assert words in line_with(told, "00:01")


def test_damaged_events_and_hostile_texts_are_harmless():
    seen = story(
        event(1.0, "note", text="a\x1b[2Jb\x07c\u202ed"),
        event(2.0, "left_behind", processes=[1, None, ["x"]]),
        event(3.0, "gone", n="nine"),
        event(4.0, "later-kind", colour="blue"),
        event(5.0, "mark"),
    )
    lines = look(output.draw, seen, 9.0)
    assert "ab?c?d" in "\n".join(lines)
    assert "later-kind: colour blue" in "\n".join(lines)
