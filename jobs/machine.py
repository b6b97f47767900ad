"""What this machine has: memory, free memory and disk, and how fast it reads and reckons. Knows nothing of torch."""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    # Not getrusage, which counts what the parent held when it started this process.
    return _status_bytes("VmHWM")


def held_memory_bytes() -> int:
    """What this process holds now."""
    return _status_bytes("VmRSS")


def process_seconds() -> float:
    """Since this process began, its imports among it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # the 22nd field: since the machine's start
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def graphics_cards() -> list[str]:
    """The NVIDIA cards that may be used, by the numbers CUDA gives them: those in CUDA_VISIBLE_DEVICES, or all."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [card for card in chosen.split(",") if card]
    count = sum(path.name.removeprefix("nvidia").isdigit() for path in Path("/dev").glob("nvidia*"))
    return [str(number) for number in range(count)]


def free_disk_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def memory_bytes_per_s() -> float:
    """What all cores together read from memory: the better of a few passes over more than a cache holds."""
    import numpy as np

    cores = len(os.sched_getaffinity(0))
    parts = np.array_split(np.ones(1 << 26, dtype=np.int32), cores)
    with ThreadPoolExecutor(cores) as pool:  # numpy lets go of the GIL
        return (1 << 28) / _least_seconds(lambda: list(pool.map(np.max, parts)))


def matrix_operations_per_s() -> float:
    """Multiplications and additions in a product of matrices of 32-bit floats, as numpy's BLAS makes it."""
    import numpy as np

    side = 1024
    matrix = np.ones((side, side), dtype=np.float32)
    return 2 * side**3 / _least_seconds(lambda: matrix @ matrix)


def _least_seconds(work: Callable[[], object], times: int = 7) -> float:
    """Of a few tries: the machine does other things too."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    return size


def _number(path: Path) -> int | None:
    """A cgroup's file; None where it says "max" or does not exist."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
