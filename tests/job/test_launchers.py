from __future__ import annotations

import pytest

from perfwatch.job.launchers import numbers_its_lines


@pytest.mark.parametrize(
    "command",
    [
        "srun -l python train.py",
        "srun -n 4 --label python train.py",
        "/usr/bin/srun -ul -n4 ./train",
        "env A=1 srun --ntasks=4 -l ./train",
        "flux run -n4 --label-io ./train",
        "mpiexec -n 4 -l ./train",
        "mpiexec.hydra -prepend-rank -n 4 ./train",
    ],
)
def test_a_launcher_that_is_asked_to_numbers_the_lines_of_its_ranks(command: str) -> None:
    assert numbers_its_lines(command.split(), {})


@pytest.mark.parametrize(
    "command",
    ["srun -n 4 python a.py -l", "srun ./train -l", "python a.py --label", "mpirun --tag-output ./a", ""],
)
def test_no_other_command_does(command: str) -> None:
    assert not numbers_its_lines(command.split(), {})


def test_srun_is_also_told_by_its_environment() -> None:
    assert numbers_its_lines(["srun", "./train"], {"SLURM_LABELIO": "1"})
    assert not numbers_its_lines(["./train"], {"SLURM_LABELIO": "1"})
