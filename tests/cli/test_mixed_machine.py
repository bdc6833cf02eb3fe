"""A machine of many makers in one run: everything is seen, and nothing is summed twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from commandline import perfwatch
from machine.mixed import (
    ACCELERATORS_W,
    ATOM_MAX_W,
    BOARD_IN_NODE_W,
    C2_W,
    NODE_W,
    NVIDIA_W,
    PROCESSOR_W,
    RAIL_W,
    Mixed,
)

JOB_S = 7


def test_all_of_a_mixed_machine_is_measured_and_counted_once(tmp_path: Path) -> None:
    with Mixed(tmp_path) as mixed:
        job = (sys.executable, "-c", f"import time; time.sleep({JOB_S})")
        done = perfwatch("run", "--json", *mixed.options, "--", *job, home=tmp_path, extra=mixed.env)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    seconds, energy = summary["window"]["duration_s"], summary["energy"]
    told = {name: one["joules"] for name, one in energy["by_device"].items() if one["joules"] is not None}
    watts = {name: joules / seconds for name, joules in told.items()}
    assert watts == pytest.approx(
        {
            "nvidia:0": NVIDIA_W[0],
            "nvidia:1": NVIDIA_W[1],
            "rebellions:board-0": ATOM_MAX_W,
            "graphcore:board-0": C2_W,
            "rapl:package-0": PROCESSOR_W,
            "hwmon:0": RAIL_W,
            "redfish:0": NODE_W,
            "redfish:1": BOARD_IN_NODE_W,
        },
        rel=0.01,
    )
    assert energy["joules"] == pytest.approx(ACCELERATORS_W * seconds, rel=0.01)
    in_run = {name for name, one in energy["by_device"].items() if one["in_run"]}
    assert in_run == {"nvidia:0", "nvidia:1", "rebellions:board-0", "graphcore:board-0"}
    boards = {name: one["board"] for name, one in energy["by_device"].items() if one["board"]}
    assert boards == {
        **{f"rebellions:{die}": "rebellions:board-0" for die in range(4)},
        **{f"graphcore:{ipu}": "graphcore:board-0" for ipu in range(2)},
    }
    scopes = {scope: one["joules"] / seconds for scope, one in energy["by_scope"].items()}
    assert scopes == pytest.approx({"cpu": PROCESSOR_W, "node": NODE_W}, rel=0.01), (
        "rails are shown, not summed"
    )
