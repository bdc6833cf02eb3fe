"""Does the carried part of perfwatch work on this interpreter, with nothing installed?

Run by test_interpreters: python -I -S tests/carried_smoke.py ROOT MODULE...
Compiles and imports everything, lets the simulated devices run through a runner-less session on a clock that
is moved by hand, and checks the summary's energy against what the devices say is true.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def import_all(root: Path, names: list[str]) -> None:
    sys.path[:0] = [str(root), str(root / "typings")]
    for path in [*root.glob("perfwatch/**/*.py"), *root.glob("collectors/*.py"), *root.glob("examples/*.py")]:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
    for name in names:
        importlib.import_module(name)


def summary_of_a_minute() -> dict:
    """60 s of one simulated accelerator, recorded once a second in the session's own format."""
    from perfwatch_collectors.simulated import SimulatedCollector, SimulatedOptions

    from perfwatch.derive.summary import summarise
    from perfwatch.derive.tape import Tape
    from perfwatch.model import Sample
    from perfwatch.session import format as fmt
    from perfwatch.testing import FakeClock

    clock = FakeClock()
    collector = SimulatedCollector(SimulatedOptions(devices=1), clock=clock)
    devices = list(collector.open())
    numbers = {device.id: number for number, device in enumerate(devices)}
    header = fmt.header(
        session_id="smoke",
        monotonic_ns=clock.monotonic_ns(),
        time_ns=clock.time_ns(),
        host="here",
        perfwatch="0",
        interval_s=1.0,
    )
    tape = Tape.of(
        header,
        ({"t": 0.0, "device": fmt.encode_device(numbers[one.id], "simulated", one)} for one in devices),
    )
    for second in range(61):
        if second in (0, 60):
            edge = "begin" if second == 0 else "end"
            tape.take(fmt.event(float(second), "job", {"what": edge, "pid": 1, "exit_status": 0}))
        rows = [
            [numbers[reading.device_id], float(second), [fmt.encode_value(value) for value in reading.values]]
            for reading in collector.read(devices)
            if isinstance(reading, Sample)
        ]
        tape.take(fmt.batch(float(second), "simulated", 0.0, rows))
        clock.advance(1.0)
    assert tape.damaged == 0, f"{tape.damaged} records were not understood"
    return summarise(tape)


def check(summary: dict) -> None:
    (device,) = [one for one in summary["energy"]["by_device"].values() if one["in_run"]]
    assert summary["energy"]["joules"] == device["counter_joules"] > 0
    assert abs(device["integrated_joules"] / device["counter_joules"] - 1) < 0.05, device
    queries = summary["work"]["queries"]["count"]
    assert queries > 0
    per_joule = summary["efficiency"]["queries"]["per_joule"]
    assert abs(per_joule * summary["energy"]["joules"] / queries - 1) < 1e-6, (per_joule, queries)


if __name__ == "__main__":
    import_all(Path(sys.argv[1]), sys.argv[2:])
    check(summary_of_a_minute())
    print("fine on", sys.version.split()[0])
