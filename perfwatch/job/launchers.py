"""Does what starts a job's ranks put the number of each before the lines that it prints?

`srun --label` writes `3: ` and `mpiexec -prepend-rank` `[3] `, which any program may print of itself: so it
is the command that tells what they mean. (Slurm: src/common/write_labelled_message.c; MPICH: hydra's
`-prepend-rank`; Flux: flux-run's `--label-io`.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

_LABELS = {
    "srun": re.compile(r"--label|-[uvQKX]*l[uvQKX]*"),
    "flux": re.compile(r"--label-io|-l"),
    "mpiexec": re.compile(r"--?prepend-rank|-l"),
    "mpirun": re.compile(r"--?prepend-rank|-l"),
}
"""The options of each launcher that ask for it."""


def numbers_its_lines(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a command starts a launcher that numbers the lines of its ranks."""
    for place, word in enumerate(command, 1):
        name = PurePath(word).name.removesuffix(".hydra")
        if name in _LABELS:
            behind = command[place + 1 :] if name == "flux" else command[place:]  # flux run, flux submit
            asked = any(_LABELS[name].fullmatch(option) for option in _options(behind))
            return asked or (name == "srun" and "SLURM_LABELIO" in environment)
    return False


def _options(words: Sequence[str]) -> list[str]:
    """The launcher's own: up to its program, which is what neither is an option nor can be one's value."""
    options: list[str] = []
    may_be_a_value = False
    for word in words:
        if word.startswith("-"):
            options.append(word)
        elif not may_be_a_value:
            break
        may_be_a_value = word.startswith("-") and "=" not in word
    return options
