"""The callbacks for training, each with a stand-in of its framework that calls the hooks as it does.

`make test-real` runs the real ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import UserDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.statsd import StatsdCollector

from perfwatch import cli
from perfwatch.callbacks import _batch_size
from perfwatch.model import Appeared, Event, Reading, Sample

TRANSFORMERS = """
class TrainerCallback:
    def on_evaluate(self, args, state, control, **kwargs): pass

class Args:
    train_batch_size, gradient_accumulation_steps, world_size = 4, 2, 1

class State:
    max_steps, global_step = 96, 0
    def __init__(self, first): self.is_world_process_zero, self.num_input_tokens_seen = first, 0

class Loader:
    def __init__(self, dataset): self.dataset = dataset

def train(callback, samples, epochs, first=True, tokens=0, dataset=None, start=0, **more):
    args, state, loader = Args(), State(first), Loader(range(samples) if dataset is None else dataset)
    vars(args).update(more)
    state.global_step, step = start, 0
    callback.on_train_begin(args, state, None, model=None, train_dataloader=loader)
    for _ in range(epochs):
        if step + -(-samples // 8) <= start:
            step += -(-samples // 8)
            continue
        callback.on_epoch_begin(args, state, None, train_dataloader=loader)
        for done in range(0, samples, 8):
            step += 1
            if step <= start and "ignore_data_skip" not in more: continue
            state.global_step = step
            state.num_input_tokens_seen += tokens * min(8, samples - done)
            callback.on_step_end(args, state, None, train_dataloader=loader)
        callback.on_log(args, state, None, logs={"loss": 1.5, "epoch": 1.0}, train_dataloader=loader)
        callback.on_log(args, state, None, logs={"eval_runtime": 2}, train_dataloader=loader)
    callback.on_evaluate(args, state, None)
    callback.on_train_end(args, state, None, train_dataloader=loader)
"""

LIGHTNING = """
class Callback:
    def on_exception(self, trainer, module, exception): pass

class Tensor:
    def __init__(self, *shape): self.shape = shape

class Trainer:
    def __init__(self, callback, first=True, step=0, goal=float("inf")):
        self.estimated_stepping_batches = goal
        self.callback, self.is_global_zero, self.global_step = callback, first, step

    def fit(self, batches, accumulate=1):
        self.sanity_checking = True
        self.callback.on_validation_start(self, None)
        self.callback.on_validation_end(self, None)
        self.sanity_checking = False
        self.callback.on_train_start(self, None)
        for index, batch in enumerate(batches):
            self.global_step += (index + 1) % accumulate == 0
            self.callback.on_train_batch_end(self, None, None, batch, index)
        self.callback.on_validation_start(self, None)
        self.callback.on_validation_end(self, None)
        self.callback.on_train_end(self, None)
"""


@pytest.fixture
def listening() -> Iterator[StatsdCollector]:
    collector = StatsdCollector()
    collector.open()
    yield collector
    collector.close()


@pytest.fixture
def frameworks(tmp_path: Path) -> Path:
    (tmp_path / "transformers.py").write_text(TRANSFORMERS)
    (tmp_path / "pytorch_lightning.py").write_text(LIGHTNING)
    return tmp_path


def train(where: Path, code: str, address: str | None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a training to its end, with modules beside it."""
    paths = os.pathsep.join([str(where), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, **variables}
    environment.pop("PERFWATCH_STATSD", None)
    if address is not None:
        environment["PERFWATCH_STATSD"] = address
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def told(collector: StatsdCollector) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The last value of each metric, and the marks in order."""
    readings: list[Reading] = list(collector.read([]))
    values: dict[str, Any] = {}
    names: dict[str, list[str]] = {}
    for each in readings:
        if isinstance(each, Appeared):
            names[each.device.id] = [metric.name for metric in each.device.metrics]
        elif isinstance(each, Sample):
            pairs = zip(names[each.device_id], each.values, strict=True)
            values.update((name, value) for name, value in pairs if value is not None)
    marks = [one.fields for one in readings if isinstance(one, Event) and one.kind == "mark"]
    return values, [(str(mark["name"]), str(mark["edge"])) for mark in marks]


def test_hugging_face_counts_its_steps_samples_and_tokens(
    listening: StatsdCollector, frameworks: Path
) -> None:
    """The last batch of an epoch is smaller: 250 samples are 31 steps of 8 and one of 2."""
    done = train(
        frameworks,
        """
        from transformers import train, TrainerCallback
        from perfwatch.callbacks import huggingface
        callback = huggingface()
        assert isinstance(callback, TrainerCallback)
        train(callback, samples=250, epochs=3, tokens=32)
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, marks = told(listening)
    assert values["steps_total"] == 96
    assert values["samples_total"] == 750
    assert values["tokens_total"] == 24_000
    assert (values["loss"], values["steps_goal"]) == (1.5, 96)
    assert marks == [("measure", "begin"), ("measure", "end")]


@pytest.mark.parametrize(
    ("start", "more", "samples", "steps"),
    [
        pytest.param(20, "", 250 - 160 + 250, 44, id="within an epoch"),
        pytest.param(32, "", 250, 32, id="between two epochs"),
        pytest.param(20, "ignore_data_skip=True, ", 500, 64, id="with all data of the epoch once more"),
    ],
)
def test_hugging_face_that_goes_on_counts_what_is_left_of_the_epoch(
    listening: StatsdCollector, frameworks: Path, start: int, more: str, samples: int, steps: int
) -> None:
    done = train(
        frameworks,
        f"""
        from transformers import train
        from perfwatch.callbacks import huggingface
        train(huggingface(), samples=250, epochs=2, start={start}, {more})
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, _ = told(listening)
    assert (values["samples_total"], values["steps_total"]) == (samples, steps)
    assert (values["steps_before"], values["steps_goal"]) == (start, 96)


def test_hugging_face_with_data_without_a_length_counts_whole_batches(
    listening: StatsdCollector, frameworks: Path
) -> None:
    done = train(
        frameworks,
        """
        from transformers import train
        from perfwatch.callbacks import huggingface
        train(huggingface(), samples=20, epochs=1, dataset=iter(()))
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, _ = told(listening)
    assert (values["samples_total"], values["steps_total"]) == (24, 3)
    assert "tokens_total" not in values


def test_another_process_than_the_first_counts_its_samples_alone(
    listening: StatsdCollector, frameworks: Path
) -> None:
    done = train(
        frameworks,
        """
        from transformers import train
        from perfwatch.callbacks import count_steps, huggingface
        train(huggingface(), samples=80, epochs=1, first=False)
        class Optimizer:
            def register_step_post_hook(self, hook): hook(self, (), {})
        count_steps(Optimizer())
        """,
        listening.address,
        RANK="1",
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, marks = told(listening)
    assert values == {"samples_total": 80}
    assert marks == []


class Tensor:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


@dataclass
class Pair:
    image: Tensor
    label: Tensor


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        pytest.param(UserDict(input_ids=Tensor(8, 128), labels=Tensor(8)), 8, id="BatchEncoding"),
        pytest.param(Pair(Tensor(8, 2), Tensor(8)), 8, id="dataclass"),
        pytest.param(
            (
                tuple(Tensor(3, 224, 200 + n) for n in range(16)),
                tuple({"boxes": Tensor(5, 4)} for _ in range(16)),
            ),
            16,
            id="detection",
        ),
        pytest.param(([Tensor(8, 3), Tensor(8, 5)], [Tensor(8)]), 8, id="several inputs"),
        pytest.param(([Tensor(8, 3), Tensor(8, 5)], Tensor(4)), 8, id="the first where they do not agree"),
        pytest.param([[1, 2, 3], [4, 5, 6]], 0, id="no tensor"),
        pytest.param(Pair, 0, id="no batch"),
    ],
)
def test_a_batch_of_any_make_tells_how_many_samples_it_has(batch: object, samples: int) -> None:
    assert _batch_size(batch) == samples


def test_lightning_counts_steps_of_the_optimizer_and_samples_of_any_batch(
    listening: StatsdCollector, frameworks: Path
) -> None:
    done = train(
        frameworks,
        """
        from pytorch_lightning import Callback, Tensor, Trainer
        from perfwatch.callbacks import lightning
        callback = lightning()
        assert isinstance(callback, Callback)
        image, label = Tensor(16, 3, 8, 8), Tensor(16)
        batches = [(image, label), {"text": ["a"], "x": image}, image, [[label], image], Tensor(), None]
        Trainer(callback, step=100).fit(batches, accumulate=2)
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, marks = told(listening)
    assert values == {"steps_total": 3, "samples_total": 65}
    assert marks == [
        ("measure", "begin"),
        ("validation", "begin"),
        ("validation", "end"),
        ("measure", "end"),
    ]


def test_lightning_that_goes_on_tells_its_goal_and_what_earlier_jobs_did(
    listening: StatsdCollector, frameworks: Path
) -> None:
    done = train(
        frameworks,
        """
        from pytorch_lightning import Trainer
        from perfwatch.callbacks import lightning
        Trainer(lightning(), step=100, goal=103).fit([None] * 3)
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, _ = told(listening)
    assert (values["steps_total"], values["steps_before"], values["steps_goal"]) == (3, 100, 103)


def test_an_optimizer_is_counted_at_each_step(listening: StatsdCollector, frameworks: Path) -> None:
    done = train(
        frameworks,
        """
        from perfwatch.callbacks import count_steps
        class Optimizer:
            def register_step_post_hook(self, hook): self.hook = hook
            def step(self): self.hook(self, (), {})
        optimizer = count_steps(Optimizer())
        for _ in range(1000): optimizer.step()
        assert count_steps("of another kind") == "of another kind"
        """,
        listening.address,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert told(listening)[0] == {"steps_total": 1000}


def test_without_perfwatch_beside_the_job_and_without_a_listener_all_goes_on(
    frameworks: Path, tmp_path: Path
) -> None:
    assert cli.main(["client", "--write", str(tmp_path), "--callbacks"]) == 0
    done = train(
        frameworks,
        """
        import sys
        sys.modules["perfwatch"] = None
        from transformers import train
        from perfwatch_callbacks import huggingface
        train(huggingface(), samples=250, epochs=1)
        """,
        None,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_framework_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = train(
        tmp_path,
        """
        import sys
        sys.modules["lightning"] = sys.modules["pytorch_lightning"] = None
        from perfwatch.callbacks import lightning
        lightning()
        """,
        None,
    )
    assert done.returncode == 1
    assert "pytorch_lightning" in done.stderr.splitlines()[-1]
