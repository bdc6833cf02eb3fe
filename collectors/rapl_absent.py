"""Why is there no CPU energy to read here, and what can a person do about it?"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from perfwatch_collectors.powercap import TREE, Tree, Zone
from perfwatch_collectors.sysfs import read_text

from perfwatch.errors import Unavailable

_ACCESS_REMEDY = """\
# The group may read the counters from now on and after every boot. Who reads them can learn a little about
# what other programs compute (CVE-2020-8694): put only people into it whom you trust with that.
sudo groupadd --system --force perfwatch
sudo usermod --append --groups perfwatch "$USER"
sudo tee /etc/udev/rules.d/70-perfwatch-rapl.rules <<'END'
SUBSYSTEM=="powercap", ACTION=="add", KERNEL=="intel-rapl*:*", RUN+="/bin/chgrp perfwatch /sys%p/energy_uj", \
RUN+="/bin/chmod g+r /sys%p/energy_uj"
END
sudo udevadm control --reload
sudo udevadm trigger --action=add --subsystem-match=powercap
# Then log in again."""
_ESTIMATE_REMEDY = "measure on the host, or estimate: add -c cpu_estimate:tdp=WATTS"
_MODULE_REMEDY = """\
echo intel_rapl_msr | sudo tee /etc/modules-load.d/intel-rapl.conf
sudo modprobe intel_rapl_msr"""


def why_unreadable(refused: Sequence[tuple[Zone, OSError]], zones: Sequence[Zone]) -> Unavailable:
    """Zones are there, but none can be read: `refused` are those whose file said why."""
    for zone, error in refused:
        if error.errno in (errno.EACCES, errno.EPERM):
            return Unavailable(
                f"cannot read the energy of {zone.index}: no permission for {zone.energy_file}; "
                "run as root, or let a group read the counters",
                _ACCESS_REMEDY,
            )
    if refused:
        zone, error = refused[0]
        return Unavailable(f"cannot read the energy of {zone.index}: {zone.energy_file}: {error.strerror}")
    return Unavailable(f"cannot read the energy of {zones[0].index}: {zones[0].energy_file} holds no number")


def why_absent(root: Path, tree: Tree) -> Unavailable:
    """No zone is there: what is missing, and where such machines have their energy counters."""
    top = root / TREE
    if tree.broken:
        what = f"the zones under {top} ({', '.join(tree.broken[:3])}) lead nowhere"
    elif top.is_dir():
        what = f"{top} has no intel-rapl zone"
    else:
        what = f"{top} is missing"
    because, remedy = _surroundings(root)
    return Unavailable(f"cannot read CPU energy: {what}{because}", remedy)


def _surroundings(root: Path) -> tuple[str, str]:
    """Why a machine may show no RAPL, and what helps."""
    cpu = read_text(root / "proc/cpuinfo", limit_bytes=16384) or ""
    if " hypervisor" in cpu:
        return (
            "; this is a virtual machine, and its hypervisor passes no energy counters on",
            _ESTIMATE_REMEDY,
        )
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv", "run/systemd/container")):
        return "; this is a container, and it hides them", _ESTIMATE_REMEDY
    if "GenuineIntel" in cpu or "AuthenticAMD" in cpu:
        return "; the kernel module intel_rapl_msr is probably not loaded", _MODULE_REMEDY
    return "; this processor has no RAPL that the kernel knows", ""
