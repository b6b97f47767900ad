"""What this machine has: memory, free memory and disk. Knows nothing of torch."""

import os
import resource
import shutil
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def memory_bytes() -> int:
    """The memory there is, or as much of it as a container may use."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(physical, _number(_CGROUP / "memory.max") or physical)


def free_memory_bytes() -> int:
    """What a new process may take before others are pushed out."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (available,) = (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    return min(available, max(0, limit - used)) if limit and used else available


def peak_memory_bytes() -> int:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def free_disk_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _number(path: Path) -> int | None:
    """A cgroup's file; None where it says "max" or does not exist."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
