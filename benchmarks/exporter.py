"""What does it cost to read an exporter's page of devices once a second, beside the usual parser of pages?

    python benchmarks/exporter.py [READS]

A page in the manner of dcgm-exporter's in a cluster, with the labels of pods, on a server in another process:
8 GPUs, and 64 with half a megabyte, of which most families are none of ours. Each read fetches it, finds the
families and gives the samples that a run records, as `-c exporter:url=...` does. CPU of this process a read
is the share of a core at 1 Hz. Beside it prometheus-client's parser (if it is installed) on the same page,
without fetching.

Budget: 1 % of a core.
"""

from __future__ import annotations

import argparse
import statistics

from _pages import parsed_ms, reads_ms
from harness import ROOT  # noqa: F401  - puts the package on the path
from perfwatch_collectors.exporter import ExporterCollector, ExporterOptions

from perfwatch.model import Reading, Sample

BUDGET = 0.01
PAGES = ((8, 60_000), (64, 500_000))
"""GPUs, and bytes that the page has at least."""
OURS = {
    "DCGM_FI_DEV_SM_CLOCK": "1980", "DCGM_FI_DEV_MEM_CLOCK": "2619", "DCGM_FI_DEV_GPU_TEMP": "46",
    "DCGM_FI_DEV_MEMORY_TEMP": "51", "DCGM_FI_DEV_POWER_USAGE": "412.331000",
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "104729837465", "DCGM_FI_DEV_GPU_UTIL": "97",
    "DCGM_FI_DEV_MEM_COPY_UTIL": "41", "DCGM_FI_DEV_FB_USED": "61210",
}  # fmt: skip
LABELS = (
    'gpu="{n}",UUID="GPU-{n:08x}-0000-4000-8000-{n:012x}",pci_bus_id="00000000:{n:02X}:00.0",device="nvidia{n}",'
    'modelName="NVIDIA H100 80GB HBM3",Hostname="node-17.cluster.example",DCGM_FI_DRIVER_VERSION="550.54.15",'
    'container="trainer",namespace="team",pod="trainer-6f9c5d7b8-abcde"'
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reads", type=int, nargs="?", default=50, help="how many of each page (50)")
    reads = parser.parse_args().reads
    fine = True
    print(
        f"{'GPUs':>6}{'families':>10}{'lines':>8}{'size':>9}{'a read':>10}{'at most':>10}{'budget':>9}"
        f"{'its parser':>13}{'ratio':>8}"
    )
    for gpus, size in PAGES:
        page = dcgm_page(gpus, size)
        took = _reads_ms(page, gpus, reads)
        ours, most, theirs = statistics.median(took), max(took), parsed_ms(page, max(1, reads // 10))
        fine &= ours <= 1000.0 * BUDGET
        beside = f"{theirs:10.1f} ms{ours / theirs:8.3f}" if theirs else f"{'-':>13}{'-':>8}"
        lines = page.count(b"\n")
        print(
            f"{gpus:6d}{page.count(b'# TYPE'):10d}{lines:8d}{len(page) / 1e6:6.2f} MB{ours:7.2f} ms"
            f"{most:7.2f} ms{1000.0 * BUDGET:6.0f} ms{beside}"
        )
    print(f"budget: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def dcgm_page(gpus: int, size: int) -> bytes:
    """A page of at least so many bytes: the families that are read, spread among ones that are not."""
    labels = [LABELS.format(n=n) for n in range(gpus)]
    a_family = sum(map(len, labels)) + gpus * 45 + 120
    others = max(0, -(-size // a_family) - len(OURS))
    ours = [_family(name, value, labels) for name, value in OURS.items()]
    more = [_family(f"DCGM_FI_PROF_COUNTER_{n:03d}_ACTIVE", "0.734512", labels) for n in range(others)]
    step = max(1, len(more) // len(ours))
    spread = [text for at, one in enumerate(ours) for text in (one, *more[at * step : (at + 1) * step])]
    return "".join([*spread, *more[len(ours) * step :]]).encode()


def _family(name: str, value: str, labels: list[str]) -> str:
    head = f"# HELP {name} What the exporter says of {name}.\n# TYPE {name} gauge\n"
    return head + "".join(f"{name}{{{own}}} {value}\n" for own in labels)


def _reads_ms(page: bytes, gpus: int, reads: int) -> list[float]:
    """CPU of this process for each read, ms."""

    def check(readings: list[Reading]) -> None:
        samples = [one for one in readings if isinstance(one, Sample)]
        assert len(samples) == gpus, f"{len(samples)} of {gpus} GPUs were found"
        assert all(None not in one.values for one in samples), "a value was not found"

    return reads_ms(page, reads, lambda url: ExporterCollector(ExporterOptions(url)), check)


if __name__ == "__main__":
    raise SystemExit(main())
