"""One line for who trains with PyTorch, Hugging Face's Trainer or Lightning: steps and samples are counted.

    optimizer = count_steps(torch.optim.AdamW(model.parameters()))
    Trainer(..., callbacks=[huggingface()])
    lightning.pytorch.Trainer(callbacks=[lightning()])

Steps are counted by the first process of several (they step together), samples by each of them. The training
is the measured window, evaluations are phases. Outside of a run nothing is sent. Each framework is imported
only by what is for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

try:
    from perfwatch import client
except ImportError:  # beside the job, as `perfwatch client --write DIR --callbacks` lays them there
    import perfwatch_client as client  # type: ignore[import-not-found,no-redef]

LOOKED_AT = 8
"""So many items of a list tell what the others are: a batch may hold thousands of numbers."""

__all__ = ["count_steps", "huggingface", "lightning"]


def count_steps(optimizer: Any, name: str = "steps") -> Any:
    """Count each step of a PyTorch optimizer; returns it.

    Args:
        optimizer: a torch.optim.Optimizer (2.0 or newer: its hooks).
        name: what is counted.
    """

    def stepped(*_: object) -> None:
        if _is_first_process():
            client.count(name)

    with contextlib.suppress(Exception):
        optimizer.register_step_post_hook(stepped)
    return optimizer


def _is_first_process() -> bool:
    """Of several that torchrun, srun or mpirun started."""
    ranks = (os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"))
    return next((rank for rank in ranks if rank is not None), "0") == "0"


def huggingface() -> Any:
    """A TrainerCallback: `Trainer(..., callbacks=[huggingface()])`.

    Raises:
        ImportError: transformers is not installed.
    """
    from transformers import TrainerCallback  # type: ignore[import-not-found,unused-ignore]

    return type("Told", (_HuggingFace, TrainerCallback), {})()


class _HuggingFace:
    """Counts `steps`, `samples` and, where the Trainer does so itself, `tokens`; `loss` is a gauge.

    `tokens` need TrainingArguments(include_num_input_tokens_seen=True). The hooks are TrainerCallback's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._left = math.inf
        self._tokens = 0
        self._resumed_at = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._tokens = state.num_input_tokens_seen
        self._resumed_at = getattr(state, "global_step", 0)
        _goal(state.is_world_process_zero, getattr(state, "max_steps", 0), self._resumed_at)
        _mark(state.is_world_process_zero, "measure", "begin")

    def on_epoch_begin(
        self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any
    ) -> None:
        share = _share(train_dataloader, args.world_size)
        self._left = share - _skipped(train_dataloader, share, args, self._resumed_at)
        self._resumed_at = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # A step does not say how many it took: the last of an epoch may be smaller than the others.
        samples = min(args.train_batch_size * args.gradient_accumulation_steps, self._left)
        self._left -= samples
        client.count("samples", samples)
        if not state.is_world_process_zero:
            return
        client.count("steps")
        if state.num_input_tokens_seen > self._tokens:
            client.count("tokens", state.num_input_tokens_seen - self._tokens)
            self._tokens = state.num_input_tokens_seen

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if state.is_world_process_zero and loss is not None:
            client.gauge("loss", loss)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        _mark(state.is_world_process_zero, "measure", "end")


def _share(dataloader: Any, processes: int) -> float:
    """How many samples of an epoch are this process's; infinite where the data have no length."""
    try:
        return math.ceil(len(dataloader.dataset) / processes)
    except (AttributeError, TypeError):
        return math.inf


def _skipped(dataloader: Any, share: float, args: Any, step: int) -> float:
    """How many samples of its epoch a training had behind it that goes on at a step.

    The Trainer passes over these, and counts the steps of an epoch as here.
    """
    if not step or share == math.inf or getattr(args, "ignore_data_skip", False):
        return 0
    batch, gathered = args.train_batch_size, args.gradient_accumulation_steps
    try:
        batches = len(dataloader)
    except TypeError:
        batches = math.ceil(share / batch)
    return float(min(share, step % max(1, math.ceil(batches / gathered)) * batch * gathered))


def lightning() -> Any:
    """A Callback: `Trainer(callbacks=[lightning()])`, of lightning.pytorch or of pytorch_lightning.

    Raises:
        ImportError: neither is installed.
    """
    try:
        from lightning.pytorch import Callback  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from pytorch_lightning import Callback  # type: ignore[import-not-found,no-redef,unused-ignore]
    return type("Told", (_Lightning, Callback), {})()


class _Lightning:
    """Counts `steps` of the optimizer and `samples`; validation is a phase. Its hooks are Lightning's."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self._steps = trainer.global_step
        _goal(trainer.is_global_zero, getattr(trainer, "estimated_stepping_batches", 0), self._steps)
        _mark(trainer.is_global_zero, "measure", "begin")

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.is_global_zero and trainer.global_step > self._steps:
            client.count("steps", trainer.global_step - self._steps)
        self._steps = trainer.global_step
        client.count("samples", _batch_size(batch))

    def on_validation_start(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking:
            _mark(trainer.is_global_zero, "validation", "begin")

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        if not trainer.sanity_checking:
            _mark(trainer.is_global_zero, "validation", "end")

    def on_train_end(self, trainer: Any, module: Any) -> None:
        _mark(trainer.is_global_zero, "measure", "end")


def _goal(first: bool, steps: float, before: int) -> None:
    """How many steps it will be in all, where that is known, and how many earlier jobs did."""
    if first and 0 < steps < math.inf:
        client.gauge("steps_goal", steps)
        if before:
            client.gauge("steps_before", before)


def _mark(first: bool, name: str, edge: str) -> None:
    if first:
        client.mark(name, edge)


def _batch_size(batch: Any) -> int:
    """How many samples are in a batch; 0 if nothing in it tells.

    Its tensors agree on their first length, or the first one's counts. Where they don't and it is made of
    lists of one length, as of detection (images of any size, and what is on each), that length is it.
    """
    lengths = list(_first_lengths(batch, LOOKED_AT))
    listed = {len(part) if isinstance(part, (list, tuple)) else 0 for part in _parts(batch)}
    if len(set(lengths)) > 1 and len(listed) == 1 and listed != {0}:
        return listed.pop()
    return next((length for length in lengths if length), 0)


def _first_lengths(batch: Any, most: int) -> Iterator[int]:
    """The first length of each tensor in a batch, of so many items of each list."""
    if hasattr(batch, "shape"):
        yield int(batch.shape[0]) if len(batch.shape) else 1
    else:
        for part in _parts(batch)[:most]:
            yield from _first_lengths(part, most)


def _parts(batch: Any) -> list[Any]:
    """What a batch is made of: a mapping's values, a list's or tuple's items, a dataclass's fields."""
    if isinstance(batch, Mapping):  # also BatchEncoding of transformers, which is no dict
        return list(batch.values())
    if isinstance(batch, (list, tuple)):
        return list(batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return [getattr(batch, field.name) for field in dataclasses.fields(batch)]
    return []
