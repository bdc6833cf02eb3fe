"""Which key does what? One table: the bindings, the help and the footer are made from it."""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.tui.view import SCREENS


class Key(NamedTuple):
    """A key and its letter twins, the action it calls, what it does in a few words, and whether the footer
    shows it."""

    keys: str
    action: str
    words: str
    group: str
    shown: str = ""


KEYS: tuple[Key, ...] = (
    *(
        Key(str(place), f"screen('{name}')", f"{name} screen", "screens")
        for place, name in enumerate(SCREENS, 1)
    ),
    Key("tab", "next_screen(1)", "next screen", "screens"),
    Key("shift+tab", "next_screen(-1)", "previous screen", "screens"),
    Key("up,k", "move(-1)", "up", "moving"),
    Key("down,j", "move(1)", "down", "moving"),
    Key("pageup", "move(-20)", "a page up", "moving"),
    Key("pagedown", "move(20)", "a page down", "moving"),
    Key("home", "move(-1000000)", "to the top", "moving"),
    Key("end,G", "move(1000000)", "to the end", "moving"),
    Key("left,h", "back_in_time(-1)", "back in time (while paused)", "moving"),
    Key("right,l", "back_in_time(1)", "forward in time (while paused)", "moving"),
    Key("enter", "zoom", "the selected device alone; on run sources, on output all events", "view"),
    Key("escape", "close", "close what is open", "view"),
    Key("slash,f3", "filter", "filter", "view", "/ filter"),
    Key("s,f6", "sort", "sort by the next column", "view", "s sort"),
    Key("S", "reverse", "sort the other way round", "view"),
    Key("space,f5", "pause", "freeze the view; sampling goes on", "view", "space pause"),
    Key("z", "span", "time span of charts: 1 min, 5 min, 1 h, all", "view", "z span"),
    Key("plus,equals_sign", "rate(1)", "paint more often", "view"),
    Key("minus", "rate(-1)", "paint less often", "view"),
    Key("t,f2", "theme", "choose a theme", "view"),
    Key("m,f7", "mark", "put a mark into the run", "run", "m mark"),
    Key("w,f8", "window", "begin or end the measured window", "run"),
    Key("u", "undo_window", "take the last begin or end back", "run"),
    Key("a", "add_server", "count the work of a server that was found here", "run"),
    Key("e,f12", "export", "save the view (text and SVG) and its data", "run"),
    Key("space,f5", "pause", "play, or stand still", "replay", "space play"),
    Key("left,h", "back_in_time(-1)", "back by a twentieth of the charts", "replay"),
    Key("right,l", "back_in_time(1)", "on by a twentieth of the charts", "replay"),
    Key("left_square_bracket", "replay('step', -1)", "stand still one reading back", "replay"),
    Key("right_square_bracket", "replay('step', 1)", "stand still one reading further", "replay", "[] step"),
    Key("left_curly_bracket", "replay('jump', -1)", "the mark, phase or trouble before", "replay"),
    Key("right_curly_bracket", "replay('jump', 1)", "the next mark, phase or trouble", "replay", "{} jump"),
    Key("less_than_sign,comma", "replay('speed', -1)", "play slower", "replay"),
    Key("greater_than_sign,full_stop", "replay('speed', 1)", "play faster", "replay", "<> speed"),
    Key("g", "go_to", "go to a time, a mark, a phase", "replay", "g go to"),
    Key("question_mark,f1", "help", "help", "perfwatch", "? help"),
    Key("ctrl+p", "command_palette", "command palette", "perfwatch"),
    Key("q,f10", "quit", "close the screen; a job goes on", "perfwatch", "q quit"),
    Key("ctrl+z", "stop", "stop, with the job; `fg` goes on", "perfwatch"),
    Key("ctrl+c", "interrupt", "end the job with SIGINT; a second one kills it", "perfwatch"),
)

LIVE_ONLY, REPLAY_ONLY = ("mark", "window", "undo_window", "add_server"), "replay"
"""Actions that only what goes on now has; the group of keys that only a replay has."""


def keys_of(*, replay: bool) -> list[Key]:
    """The keys that do something: in a replay, or of what goes on now."""
    if not replay:
        return [key for key in KEYS if key.group != REPLAY_ONLY]
    mine = [key for key in KEYS if key.group == REPLAY_ONLY]
    other = {*LIVE_ONLY, *(key.action for key in mine)}
    return [*mine, *(key for key in KEYS if key not in mine and key.action not in other)]


_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "comma": ",",
    "full_stop": ".",
    "equals_sign": "=",
    "pageup": "PgUp",
    "pagedown": "PgDn",
}


def spoken(keys: str) -> str:
    """The keys as people read them: `?`, `F1`."""
    names = []
    for key in keys.split(","):
        name = _NAMES.get(key, key)
        names.append(name.upper() if name[:1] == "f" and name[1:].isdigit() else name)
    return " ".join(names)
