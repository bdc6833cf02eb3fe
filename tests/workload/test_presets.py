"""Lines below are what the programs' format strings give; real output lies in tests/data/output."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from perfwatch.model import Device, DeviceKind, Sample
from perfwatch.workload.account import Account
from perfwatch.workload.lines import Lines
from perfwatch.workload.patterns import compile_pattern
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.tally import Tally


def counted(preset: str, output: str, *, numbered: bool = False) -> Tally:
    pattern = compile_pattern(preset, numbered=numbered)
    tally = Tally(Device("job", "job", DeviceKind.WORKLOAD), 0)
    account, lines = Account(pattern, tally), Lines()
    for _, line in [*lines.feed(output.encode(), 0), *lines.end()]:
        match = pattern.search(line)
        if match is not None:
            account.take(match, 0)
    return tally


def value_of(tally: Tally, name: str) -> Any:
    """What the next sample says of a gauge or a timing."""
    sample = next(one for one in reversed(tally.sample(1)) if isinstance(one, Sample))
    names = [metric.name.removesuffix("_seconds") for metric in tally.device.metrics]
    return sample.values[names.index(name)]


TQDM_BAR = "\r  0%|          | 0/250 [00:00<?, ?it/s]\r 40%|████      | 100/250 [00:01<00:01, 99.51it/s]"
TQDM_END = "\r100%|██████████| 250/250 [00:02<00:00, 99.60it/s, loss=0.3]\n"


def test_tqdm_counts_what_tqdm_really_printed() -> None:
    output = Path(__file__).parents[1] / "data" / "output" / "tqdm-4.70.1.txt"
    assert counted("tqdm", output.read_bytes().decode()).total("steps") == 2 * 300 + 450 + 45_000


def test_tqdm_counts_what_its_rich_bars_really_printed_on_a_terminal() -> None:
    output = Path(__file__).parents[1] / "data" / "output" / "tqdm-4.70.1-rich.txt"
    assert counted("tqdm", output.read_bytes().decode()).total("steps") == 25 + 15_000


def test_keras_counts_each_prediction_of_a_loop() -> None:
    """What Keras 3.15 really printed: eight predictions of one step, two fits, an evaluation between them."""
    output = Path(__file__).parents[1] / "data" / "output" / "keras-3.15.1.txt"
    tally = counted("keras", output.read_bytes().decode())
    assert (tally.total("steps"), tally.total("steps_doubted")) == (5 + 3 + 2 * 2 + 2 + 8 + 2, None)


def test_keras_2_counts_each_prediction_of_a_loop() -> None:
    one = "\r1/1 [=======] - ETA: 0s\b\b\b\r1/1 [=======] - 0s 52ms/step\n"
    assert counted("keras", 4 * one).total("steps") == 4


def test_keras_counts_an_epoch_that_prints_the_same_as_the_last() -> None:
    epochs = "".join(f"Epoch {n}/3\n8/8 - 1s - loss: 0.5\n" for n in (1, 2, 3))
    assert counted("keras", epochs).total("steps") == 24


def test_hf_counts_no_evaluation_that_is_as_long_as_the_training() -> None:
    """What bars like those of the Trainer really printed: 120 steps, three evaluations of 120 batches."""
    output = Path(__file__).parents[1] / "data" / "output" / "tqdm-4.70.1-nested.txt"
    assert counted("hf", output.read_bytes().decode()).total("steps") == 120


LABELS = ["[rank{}]: ", "[default{}]:", "[1,{}]<stdout>:", "{}: "]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("preset", ["tqdm", "hf"])
def test_bars_of_several_ranks_count_once(preset: str, label: str) -> None:
    """A launcher puts its label before the CR with which a bar begins."""
    bars = [f"\r{n:3}%|###  | {n}/100 [00:{n:02}<00:01, 9.0it/s]\n" for n in range(0, 100, 9)]
    output = "".join(label.format(rank) + each for each in bars for rank in (0, 1, 12))
    assert counted(preset, output, numbered=True).total("steps") == 99


@pytest.mark.parametrize("label", LABELS)
def test_keras_counts_the_steps_of_several_ranks_once(label: str) -> None:
    printed = ["Epoch 1/2", "5/8 [====>...]", "8/8 [======] - 3s", "Epoch 2/2", "8/8 [======] - 2s"]
    output = "".join(f"{label.format(rank)}{line}\n" for line in printed for rank in (0, 1))
    assert counted("keras", output, numbered=True).total("steps") == 16


def test_tqdm_counts_a_bar() -> None:
    assert counted("tqdm", TQDM_BAR + TQDM_END).total("steps") == 250


def test_tqdm_counts_a_second_bar_of_the_same_length_from_zero() -> None:
    assert counted("tqdm", (TQDM_BAR + TQDM_END) * 3).total("steps") == 750


def test_tqdm_is_not_confused_by_a_bar_inside_a_bar() -> None:
    output = (
        "\rEpoch 1, loss 3.2:  50%|█████     | 5/10 [00:10<00:10,  1.0s/it]"
        "\rvalid: 100%|##########| 7/7 [00:01<00:00, 7.0it/s]"
        "\rEpoch 1, loss 2.9:  60%|██████    | 6/10 [00:12<00:08,  1.0s/it]\n"
    )
    assert counted("tqdm", output).total("steps") == 6 + 7


def bar(description: str, done: int, of: int) -> str:
    return f"\r{description}: {100 * done // of:3}%|###  | {done}/{of} [00:03<00:01, 9.0it/s]"


def test_tqdm_tells_bars_of_one_length_apart_by_their_descriptions() -> None:
    batches = "".join(bar("batch", done, 10) for done in range(11))
    output = "".join(batches + bar("epoch", epoch, 10) for epoch in range(1, 11))
    assert counted("tqdm", output).total("steps") == 10 * 10 + 10


@pytest.mark.parametrize("name", ["shard {}", "worker {}", "worker-{}"])
def test_tqdm_counts_each_of_several_bars_that_share_the_work(name: str) -> None:
    steps = [(who, min(100, max(0, done - 2 * who))) for done in range(105) for who in range(3)]
    lines = [bar(name.format(who), done, 100) for who, done in steps]
    assert counted("tqdm", "\n".join(lines)).total("steps") == 100 + 100 + 100


def test_tqdm_does_not_know_how_far_a_bar_came_that_is_not_left_on_the_screen() -> None:
    epochs = "".join(bar("train", done, 30) for done in (0, 20)) * 5
    tally = counted("tqdm", epochs)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (100, 40)


def test_tqdm_counts_a_bar_on_that_goes_beyond_its_length() -> None:
    beyond = "".join(f"\rrows: {done}it [00:10, 9.0it/s]" for done in (101, 105, 110))
    assert counted("tqdm", bar("rows", 50, 100) + bar("rows", 100, 100) + beyond).total("steps") == 110


@pytest.mark.parametrize(
    "describe",
    [
        pytest.param(lambda done: f"Processing {done}.txt", id="a file's name"),
        pytest.param(lambda done: f"loss {abs(50 - done) / 10:.0f}", id="a value that comes again"),
        pytest.param(lambda done: "train" if done % 7 else "train (saving)", id="now and then"),
    ],
)
@pytest.mark.parametrize("every", [1, 3])
def test_tqdm_follows_a_bar_whose_description_changes(describe: Any, every: int) -> None:
    redrawn = [bar("", 0, 100)]
    for done in range(0, 101, every):
        redrawn += [bar(describe(max(0, done - 1)), done, 100), bar(describe(done), done, 100)]
    redrawn.append(bar(describe(100), 100, 100))
    assert counted("tqdm", "".join(redrawn) * 2).total("steps") == 2 * 100


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ("450it [00:10, 44.50it/s]", 450),
        ("rows: 450 rows [00:10, 44.50 rows/s]", 450),
        ("1.50kit [00:10, 150it/s]", 1500),
        (" 45%|####5     | 45.0k/100k [01:00:00<1:13:20, 12.5it/s]", 45_000),
        ("load:  45%|####5     | 512M/1.00G [00:10<00:10, 50Mit/s]", 512_000_000),
        (" 45%|| 450/1000 [00:10<00:12]", 450),
        (" 45%|####5     | 450/1000", 450),
        ("100%|#| 250/250", 250),
        ("100%|#| 250/250 [00:", 250),
        ("train:  45%|####5     | 450/1000 loss 0.5", 450),
        ("450/1000 \u2588\u2588\u258f     00:10", 450),
        ("450/1000 [00:10<00:12, 44.5it/s]", 450),
        ("train: 45%|\u2588\u2588\u258f     450/1000 [00:10<00:12]", 450),
        ("train 45% 450/1000 44.5it/s", 450),
        (" 45% \u2501\u2501\u2578\u2501 6,750/15,000  [ 0:00:01 < 0:00:02 , 5,201 it/s ]", 6750),
    ],
)
def test_tqdm_reads_bars_of_every_form(line: str, steps: int) -> None:
    assert counted("tqdm", line).total("steps") == steps


@pytest.mark.parametrize(
    "line",
    [
        "  4%|#| 10/25",  # of 250, cut by a terminal of 12 columns
        "100%|#| 25",
        " 45%|####5     |",
        "train|\u2588\u2588\u2588\u2588\u258f    |45%",
        "\u2588\u2588\u2588\u2588\u258f| 450 of 1000",
        " 45% \u2501\u2501\u2578\u2501 0.5/2.3 G [ 0:00:01 < 0:00:02 , 5 it/s ]",
    ],
)
def test_tqdm_says_which_bar_it_cannot_read(line: str) -> None:
    pattern = compile_pattern("tqdm")
    assert pattern.search(line) is None
    said = pattern.unread(line)
    assert said is not None
    assert line.strip() in said


@pytest.mark.parametrize(
    "line",
    [
        "loss 0.5, 45% done",
        "\u2588\u2588\u2588 vLLM 0.11 \u2588\u2588\u2588",
        "model: 100%|####| 2.00G/2.00G [00:10<00:00, 200MB/s]",
    ],
)
def test_tqdm_says_nothing_of_other_lines_and_of_downloads(line: str) -> None:
    pattern = compile_pattern("tqdm")
    assert pattern.search(line) is None
    assert pattern.unread(line) is None


def test_hf_counts_the_training_bar_alone_and_shows_the_loss() -> None:
    output = (
        "Map: 100%|██████████| 1000/1000 [00:00<00:00, 9000 examples/s]\n"
        "\r  0%|          | 0/500 [00:00<?, ?it/s]\r 10%|█         | 50/500 [00:10<01:30,  5.0it/s]"
        "{'loss': 0.6931, 'grad_norm': 1.5, 'learning_rate': 5e-05, 'epoch': 0.1}\n"
        "\r  0%|          | 0/63 [00:00<?, ?it/s]\r100%|██████████| 63/63 [00:05<00:00, 12.0it/s]\n"
        "\r 10%|█         | 51/500 [00:15<01:30,  5.0it/s]\n"
        "{'loss': '0.5', 'epoch': '0.2'}\n"
    )
    tally = counted("hf", output)
    assert tally.total("steps") == 51
    assert tally.sample(1)[-1].values == (51, 0.5)  # type: ignore[union-attr]


def plain_bar(of: int, *done: int) -> str:
    return "".join(f"\r{100 * n // of:3}%|###  | {n}/{of} [00:03<00:01, 9.0it/s]" for n in done)


LOSS = "\n{'loss': 0.5, 'epoch': 0.1}\n"


def test_hf_counts_each_of_several_trainings() -> None:
    evaluation = plain_bar(63, 0, 30, 63)
    folds = [plain_bar(of, 0, 50) + LOSS + plain_bar(of, of) + evaluation for of in (100, 101, 102)]
    assert counted("hf", "".join(folds)).total("steps") == 100 + 101 + 102


def test_hf_counts_the_training_behind_a_bar_of_something_else() -> None:
    output = plain_bar(50, 0, 25, 50) + plain_bar(300, 0, 100) + LOSS + plain_bar(300, 200, 300)
    tally = counted("hf", output)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (50 + 300, 50)


def test_hf_counts_no_evaluation_after_the_training() -> None:
    output = plain_bar(100, 0, 50) + LOSS + plain_bar(100, 100) + plain_bar(63, 0, 30, 63)
    tally = counted("hf", output)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (100, None)


def test_lightning_counts_each_epochs_batches() -> None:
    output = (
        "\rSanity Checking DataLoader 0: 100%|███| 2/2 [00:00<00:00, 55it/s]\n"
        "\rEpoch 0: 100%|██████████| 100/100 [00:10<00:00,  9.9it/s, v_num=0, train_loss_step=0.7]"
        "\rValidation DataLoader 0: 100%|███| 20/20 [00:01<00:00, 20it/s]\n"
        "\rEpoch 1: 100%|██████████| 100/100 [00:10<00:00,  9.9it/s, v_num=0, loss=0.25]\n"
    )
    tally = counted("lightning", output)
    assert tally.total("steps") == 200
    assert tally.sample(1)[-1].values == (200, 0.25)  # type: ignore[union-attr]


RICH_BAR = "\u2501" * 20


def test_lightning_counts_the_batches_of_its_rich_bar() -> None:
    """What lightning 2.6 with rich really printed on a terminal: three epochs of 32, each validated."""
    output = (Path(__file__).parents[1] / "data/output/lightning-2.6.6-rich.txt").read_text("utf-8")
    assert counted("lightning", output).total("steps") == 96


def test_lightning_reads_the_loss_beside_its_rich_bar() -> None:
    output = f"Epoch 0/2  {RICH_BAR}\u2578 17/32 0:00:01 \u2022 0:00:02 9.81it/s v_num: 0 loss: 0.25\n"
    tally = counted("lightning", output)
    assert tally.total("steps") == 17
    assert value_of(tally, "loss") == 0.25


def test_deepspeed_counts_steps_of_its_log_once() -> None:
    step = (
        "[2023-10-31 08:58:33,237] [INFO] [logging.py:96:log_dist] [Rank 0] step={n}, skipped=25, "
        "lr=[0.001], mom=[0.9]\n"
        "[2023-10-31 08:58:33,237] [INFO] [timer.py:260:stop] epoch=0/micro_step={n}/global_step={n}, "
        "RunningAvgSamplesPerSec=1412.7627800125174, CurrSamplesPerSec=1322.8113222423717, "
        "MemAllocated=0.0GB\n"
    )
    tally = counted("deepspeed", step.format(n=10) + step.format(n=20))
    assert tally.total("steps") == 20
    assert tally.total("samples") == 0  # a rate, and no time has passed


def test_ollama_counts_the_queries_that_were_answered() -> None:
    gin = '[GIN] 2025/01/31 - 10:00:0{n} | {status} | {took:>12} |       127.0.0.1 | {verb}     "{path}"\n'
    asked = [
        (200, "1.5s", "POST", "/api/generate"),
        (200, "500ms", "POST", "/v1/chat/completions"),
        (200, "250.5\u00b5s", "POST", "/api/embed"),
        (200, "1m2.5s", "POST", "/api/chat"),
        (500, "2s", "POST", "/api/chat"),
        (200, "80\u00b5s", "GET", "/api/tags"),
        (200, "90\u00b5s", "POST", "/api/show"),
    ]
    lines = [
        gin.format(n=n, status=status, took=took, verb=verb, path=path)
        for n, (status, took, verb, path) in enumerate(asked)
    ]
    tally = counted("ollama", "".join(lines))
    assert tally.total("queries") == 4
    timed = value_of(tally, "latency")
    assert (timed.n, timed.min, timed.max) == (3, pytest.approx(0.0002505), 1.5)


@pytest.mark.parametrize(
    "bar",
    [
        "\r{n}/2 [======>...] - ETA: 5s - loss: 0.5000 - accuracy: 0.9",
        "\x1b[1m{n}/2\x1b[0m \x1b[32m━━━━━\x1b[0m\x1b[37m━━━━━\x1b[0m \x1b[1m2s\x1b[0m 2ms/step - loss: 0.5",
        "{n}/2 - 3s - 2s/step - loss: 0.5 - val_loss: 0.9",
    ],
)
def test_keras_counts_each_epochs_steps(bar: str) -> None:
    epoch = "Epoch {e}/2\n" + bar.replace("{n}", "1") + "\n" + bar.replace("{n}", "2") + "\n"
    tally = counted("keras", epoch.replace("{e}", "1") + epoch.replace("{e}", "2"))
    assert tally.total("steps") == 4
    assert tally.sample(1)[-1].values == (4, 0.5)  # type: ignore[union-attr]


def test_megatron_counts_iterations_and_samples() -> None:
    output = (
        " [2024-05-01 10:00:00] iteration      201/  250000 | consumed samples:       205824 | "
        "elapsed time per iteration (ms): 139113.4 | learning rate: 1.507E-05 | global batch size:  1024 | "
        "lm loss: 2.373574E+00 | loss scale: 1.0 | grad norm: 0.811 |\n"
        " validation loss at iteration 201 | lm loss value: 9.0E+00 |\n"
        " iteration      202/  250000 | consumed samples:       206848 | lm loss: 2.413736E+00 |\n"
    )
    tally = counted("megatron", output)
    assert (tally.total("steps"), tally.total("samples")) == (202, 206848)


@pytest.mark.parametrize("prefix", ["", "{r}: ", "(RayTrainWorker pid=12{r}) "])
def test_ranks_that_do_not_say_who_they_are_count_as_far_as_the_farthest(prefix: str) -> None:
    """Four ranks print the same, each as much behind as chance has it, up to two steps."""
    chance = random.Random(5)
    at = [0, 0, 0, 0]
    lines = []
    while min(at) < 100:
        rank = chance.choice([r for r in range(4) if at[r] < 100 and at[r] < min(at) + 2])
        at[rank] += 1
        lines.append(f"{prefix.format(r=rank)}step {at[rank]} loss 0.5\n")
    assert 100 <= counted("step {steps} loss {_}", "".join(lines)).total("steps") <= 110


def test_a_total_that_falls_to_half_or_less_was_restarted() -> None:
    lines = "".join(f"step {n} loss 1\n" for n in (8, 9, 10, 1, 2, 4))
    assert counted("step {steps} loss {_}", lines).total("steps") == 14


def test_megatron_samples_are_those_of_all_ranks_together() -> None:
    line = "[rank{r}]: iteration {n}/ 100 | consumed samples: {m} | lm loss: 2.0E+00 |\n"
    output = "".join(line.format(r=r, n=n, m=64 * n) for n in (1, 2, 3) for r in range(4))
    tally = counted("megatron", output)
    assert (tally.total("steps"), tally.total("samples")) == (3, 192)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_compiles_and_says_what_it_is(name: str) -> None:
    assert compile_pattern(name).fields
    assert PRESETS[name].about


@pytest.mark.parametrize(
    ("first", "last"),
    [("?B/s", "200MB/s"), ("?iB/s", "200MiB/s"), ("?KB/s", "200KB/s"), ("?MB/s", "2.00s/MB")],
)
def test_tqdm_counts_no_bytes_of_a_download(first: str, last: str) -> None:
    made = f"\rmodel.safetensors:   0%|          | 0.00/2.00G [00:00<?, {first}]"
    download = f"\rmodel.safetensors: 100%|██████████| 2.00G/2.00G [00:10<00:00, {last}]\n"
    endless = "\rfetching: 1.20GB [00:03, 400MB/s]\n"
    tally = counted("tqdm", made + download + endless + TQDM_BAR + TQDM_END)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (250, None)


def test_keras_counts_the_steps_of_an_epoch_whose_length_it_does_not_know() -> None:
    lines = "Epoch 1/2\n      1/Unknown 1s 1s/step - loss: 2.9\r     37/Unknown 3s 60ms/step - loss: 2.0\n"
    assert counted("keras", lines).total("steps") == 37
