"""Description of the machine, timers, peak memory, and measurements in a process of their own."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

GIB = 2**30


class Stopwatch:
    """Seconds of each named part; on a GPU, timing waits until the queued work has finished."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Append the duration of the block to the times of ``part``."""
        synchronize(self.device)
        start = time.perf_counter()
        yield
        synchronize(self.device)
        self.seconds.setdefault(part, []).append(time.perf_counter() - start)

    def best(self, part: str) -> float:
        """The shortest time of a part."""
        return min(self.seconds[part])

    def mean(self, part: str) -> float:
        """The mean time of a part."""
        return sum(self.seconds[part]) / len(self.seconds[part])


def synchronize(device: torch.device) -> None:
    """Wait until a GPU has finished its queued work; does nothing on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_memory(device: torch.device) -> int:
    """Peak memory of this process in bytes: allocated GPU memory, or resident memory on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def describe_machine(device: torch.device, threads: int) -> dict[str, str]:
    """Processor, its bf16 instructions, number of threads and cores, versions."""
    metadata = {
        "processor": _processor(),
        "bf16": ", ".join(_bf16_flags()) or "none",
        "threads": str(threads),
        "cores": str(os.cpu_count()),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        metadata = {"GPU": torch.cuda.get_device_name(device)} | metadata
    return metadata


def _processor() -> str:
    """The processor's name with family and model numbers, since virtual machines often hide the exact model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    values = dict(reversed([line.replace("\t", "").split(": ", 1) for line in lines if ": " in line]))
    name = values.get("model name", platform.machine())
    return f"{name} (family {values.get('cpu family', '?')}, model {values.get('model', '?')})"


def _bf16_flags() -> list[str]:
    checks = {"AMX": "_is_amx_tile_supported", "AVX-512 BF16": "_is_avx512_bf16_supported"}
    return [flag for flag, name in checks.items() if getattr(torch.cpu, name, lambda: False)()]


def run_alone(module: str, arguments: Sequence[str], threads: int) -> dict[str, Any]:
    """Run a module in a separate process, so that its peak memory is not affected by other measurements.

    Returns:
        The last line that it prints, parsed as JSON.

    Raises:
        RuntimeError: it failed; the message is the end of its standard error.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])
