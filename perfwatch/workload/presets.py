"""Which well-known programs' output is understood by name?

Each entry is written after the program's own format strings, named beside it. `<NUMBER>` stands for a
number (`patterns.NUMBER`). Groups that begin with `_` tell counters apart that take turns (a bar and the bar
inside it); `_anew` says that counting starts again from zero, `_over` that what is told next does.
"""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.workload.lines import BELOW, TAKEN_BACK


class Preset(NamedTuple):
    """A pattern with a name.

    `first_series_only`: of several counters only the one seen first is counted. `each`: every line that
    matches is one of these. `bars`: a line is one bar, of the form that fits first, and what stands before it
    is its description (`perfwatch.workload.bars`).
    """

    about: str
    expressions: tuple[str, ...]
    first_series_only: bool = False
    each: str = ""
    bars: bool = False


# (Not to begin in the midst of digits finds the same, and in a line of thousands of them takes no time.)
_BAR = r"(?<!\d)\d+%\|[^|]*\|\s*"
_CLOCK = r"\s*\[\d+:\d\d"
_NOT_BYTES = r"(?![^\]]*(?:[\dkKMGT ?]i?B/s|s/[kKMGT]?i?B\b))"
"""A bar of a download counts bytes, which are no steps."""
_COUNT = r"\d+(?:,\d{3})*(?:\.\d+)?[kMG]?"
_OF = rf"(?P<steps>{_COUNT})/(?P<_total>{_COUNT})(?!\.?\d|[kMG])"
_BLOCKS = "\u2588-\u258f"
"""What tqdm draws a bar of, but with `ascii=True`."""
_DRAWN = f"\u2501\u2578\u257a{_BLOCKS}"
"""The same with what rich draws one of, a line and its halves."""

PRESETS: dict[str, Preset] = {
    # tqdm/std.py, format_meter: "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<...",
    # without a total "{desc}: {n_fmt}{unit} [{elapsed}, ...". The description may change from line to line,
    # the total hardly does: it tells nested bars apart, and `bars` those of one length. All bars are counted.
    # tqdm/rich.py: "{desc} {percentage}% {bar} {n:,}/{total:,}  [ {elapsed} < {remaining} , {rate} it/s ]".
    # Of forms that people give it themselves (bar_format), those that still tell both and look like a bar.
    "tqdm": Preset(
        "steps of progress bars of tqdm, also with rich (all bars are added, but those of bytes)",
        (
            rf"{_BAR}{_OF}(?:[^\[|]*?{_CLOCK})?{_NOT_BYTES}",
            rf"(?<!\d)\d+%\|?\s*[{_DRAWN}][{_DRAWN}\s]*{_OF}(?!\s[KMGTPEZY]\s){_NOT_BYTES}",
            rf"(?<!\d)\d+%\s+{_OF}\s+(?:\?|[\d.]+)\s?(?:it/s|s/it)",
            rf"(?:^|\s){_OF}(?:\s*\[\d+:\d\d(?::\d\d)?<|\s+\|?[{_BLOCKS}]){_NOT_BYTES}",
            (
                r"(?:^|\s)(?P<steps>\d[\d.]*(?:[kMG](?=it\b|B\b|\s|\[))?)\s?[^\s\d\[/|][^\[/|]*"
                r"\[\d+:\d\d(?::\d\d)?, " + _NOT_BYTES
            ),
        ),
        bars=True,
    ),
    # transformers/trainer_callback.py: ProgressCallback shows tqdm bars without description, the training's
    # first, each evaluation's after it (during the training one row below); the losses are printed as a dict
    # (since v5 with quoted numbers).
    "hf": Preset(
        "steps of the training bar of Hugging Face's Trainer, and its loss",
        (
            rf"^\s*{_BAR}(?P<steps>\d+)/(?P<_total>\d+){_CLOCK}.*?(?P<_below>{BELOW}*)$",
            r"\{'loss': '?(?P<loss__gauge><NUMBER>)'?[,}]",
        ),
        first_series_only=True,
    ),
    # lightning/pytorch/callbacks/progress/tqdm_progress.py (2.x): description "Epoch N", the bar counts the
    # epoch's training batches; metrics of log(prog_bar=True) follow. rich_progress.py, where rich is
    # installed: "Epoch N/M", a bar of U+2501 and its halves, "17/32 0:00:00 . 0:00:01 9.81it/s loss: 0.3".
    "lightning": Preset(
        "steps of Lightning's training bar, and its loss",
        (
            (
                r"\bEpoch (?P<_of>\d+/\d+)\s+[\u2501\u2578\u257a ]+ (?P<steps>\d+)/(?:\d+|--)\s+[\d:-]+"
                r"(?:.*?\b(?:train_)?loss(?:_step)?: (?P<loss__gauge><NUMBER>))?"
            ),
            r"\bEpoch (?P<_epoch>\d+):\s+"
            + _BAR
            + r"(?P<steps>\d+)/(?:\d+|\?)"
            + _CLOCK
            + r"(?:.*?[ ,](?:train_)?loss(?:_step)?=(?P<loss__gauge><NUMBER>))?",
        ),
    ),
    # keras/src/utils/progbar.py: "{current:>n}/{target} " and a bar of [==>..] (2.x) or of U+2501 (3.x);
    # each epoch is announced by "Epoch i/n". A bar at its end is drawn twice, and is over where it neither
    # tells an ETA (2.x) nor is taken back (3.x): predict() in a loop draws one of the same length each time.
    "keras": Preset(
        "steps of Keras' progress bar (fit, evaluate and each predict), and its loss",
        (
            r"^\s*Epoch (?P<_anew>\d+)/\d+\s*$",
            (
                rf"^\s*(?P<steps>\d+)/(?:(?P<_over>(?P=steps)(?!\d|.*(?:\bETA:|{TAKEN_BACK})))|\d+|Unknown)\s+"
                r"(?:\[[=>.]+\]|\u2501+\s|(?:- )?\d+s\b)"
                r"(?:.*?\bloss: (?P<loss__gauge><NUMBER>))?"
            ),
        ),
    ),
    # deepspeed/runtime/engine.py, _report_progress: "[Rank 0] step=10, skipped=0, lr=[...], mom=[...]"; and
    # utils/timer.py, ThroughputTimer: "epoch=0/micro_step=10/global_step=10, RunningAvgSamplesPerSec=...,
    # CurrSamplesPerSec=..., MemAllocated=...".
    "deepspeed": Preset(
        "steps of DeepSpeed's log, and its samples by the rate that it tells",
        (
            r"\bstep=(?P<steps>\d+), skipped=\d+, lr=",
            r"\bmicro_step=\d+/global_step=\d+, .*?\bCurrSamplesPerSec=(?P<samples__rate><NUMBER>)",
        ),
    ),
    # ollama serve writes gin's log: "[GIN] 2025/01/31 - 10:00:00 | 200 |  1.234567s |  127.0.0.1 | POST
    # \"/api/chat\"". It tells queries and how long they took; tokens stand in its responses alone.
    "ollama": Preset(
        "queries of Ollama's log (those that were answered), and how long they took",
        (
            (
                r"\[GIN\] [^|]*\|\s*200 \|\s+(?:(?P<latency__s>[\d.]+)s|(?P<latency__ms>[\d.]+)ms"
                r"|(?P<latency__us>[\d.]+)\u00b5s|\S+)\s+\|.*\bPOST\s+"
                r"\"/(?:api/(?:generate|chat|embed|embeddings)|v1/(?:chat/completions|completions|embeddings))\""
            ),
        ),
        each="queries",
    ),
    # megatron/training/training.py, training_log: " iteration {:8d}/{:8d} | consumed samples: {:12d} | ..."
    "megatron": Preset(
        "steps and samples of Megatron-LM's training log, and its loss",
        (
            (
                r"\biteration\s+(?P<steps>\d+)/\s*(?P<steps_goal__gauge>\d+)\s+\|"
                r"(?:.*?\bconsumed samples:\s+(?P<samples>\d+))?"
                r"(?:.*?\blm loss:\s+(?P<loss__gauge><NUMBER>))?"
            ),
        ),
        first_series_only=True,  # the samples are those of all ranks, whichever tells them
    ),
}
