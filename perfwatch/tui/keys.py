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
    Key("question_mark,f1", "help", "help", "perfwatch", "? help"),
    Key("ctrl+p", "command_palette", "command palette", "perfwatch"),
    Key("q,f10", "quit", "close the screen; a job goes on", "perfwatch", "q quit"),
    Key("ctrl+z", "stop", "stop, with the job; `fg` goes on", "perfwatch"),
    Key("ctrl+c", "interrupt", "end the job with SIGINT; a second one kills it", "perfwatch"),
)

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
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
