"""Which well-known programs' output is understood by name?

Each entry is written after the program's own format strings, named beside it. `<NUMBER>` stands for a
number (`patterns.NUMBER`). Groups that begin with `_` tell counters apart that take turns (a bar and the bar
inside it); `_anew` says that counting starts again from zero.
"""

from __future__ import annotations

from typing import NamedTuple


class Preset(NamedTuple):
    """A pattern with a name.

    `first_series_only`: of several counters only the one seen first is counted. `each`: every line that
    matches is one of these. `bars`: what stands before a match describes the bar (`perfwatch.workload.bars`).
    """

    about: str
    expressions: tuple[str, ...]
    first_series_only: bool = False
    each: str = ""
    bars: bool = False


# (Not to begin in the midst of digits finds the same, and in a line of thousands of them takes no time.)
_BAR = r"(?<!\d)\d+%\|[^|]*\|\s*"
_CLOCK = r"\s*\[\d+:\d\d"
_NOT_BYTES = r"(?![^\]]*[\dkMGT]B/s)"
"""A bar of a download counts bytes, which are no steps."""

PRESETS: dict[str, Preset] = {
    # tqdm/std.py, format_meter: "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<...",
    # without a total "{desc}: {n_fmt}{unit} [{elapsed}, ...". The description may change from line to line,
    # the total hardly does: it tells nested bars apart, and `bars` those of one length. All bars are counted.
    "tqdm": Preset(
        "steps of progress bars of tqdm (all bars are added, but those of bytes)",
        (
            _BAR + r"(?P<steps>[\d.]+[kMG]?)/(?P<_total>[\d.]+[kMG]?)[^\[|]*?" + _CLOCK + _NOT_BYTES,
            (
                r"(?:^|\s)(?P<steps>\d[\d.]*(?:[kMG](?=it\b|B\b|\s|\[))?)\s?[^\s\d\[/|][^\[/|]*"
                r"\[\d+:\d\d(?::\d\d)?, " + _NOT_BYTES
            ),
        ),
        bars=True,
    ),
    # transformers/trainer_callback.py: ProgressCallback shows tqdm bars without description, the training's
    # first, each evaluation's after it; the losses are printed as a dict (since v5 with quoted numbers).
    "hf": Preset(
        "steps of the training bar of Hugging Face's Trainer, and its loss",
        (
            r"^\s*" + _BAR + r"(?P<steps>\d+)/(?P<_total>\d+)" + _CLOCK,
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
    # each epoch is announced by "Epoch i/n".
    "keras": Preset(
        "steps of Keras' progress bar (fit and evaluate), and its loss",
        (
            r"^\s*Epoch (?P<_anew>\d+)/\d+\s*$",
            (
                r"^\s*(?P<steps>\d+)/(?:\d+|Unknown)\s+(?:\[[=>.]+\]|\u2501+\s|(?:- )?\d+s\b)"
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
