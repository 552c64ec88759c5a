"""Face editing at 1024 px and with the embedded generator's size, compared with the published formulation.

Weights are random: time and memory do not depend on their values. Every line is measured in a separate process, so that
peak memory is not affected by the others.

    python -m benchmarks.speed.gan                            # 1024 px and the embedded size
    python -m benchmarks.speed.gan --sizes embedded           # the embedded size alone
    python -m benchmarks.speed.gan --sizes tiny --repeat 1    # quick trial with narrow networks
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.machine import GIB, describe_machine, run_alone
from benchmarks.common.tables import markdown_table, write_results
from benchmarks.speed.comparison import COLUMNS, Line
from benchmarks.speed.stylegan2.cases import CASES, IMPLEMENTATIONS, Task, measure
from benchmarks.speed.stylegan2.networks import SIZES

LABELS = {
    "synthesis": "synthesis per image",
    "edit": "global-direction edit per image",
    "relevance": "channel relevance per image",
    "optimize": "latent optimisation step",
    "mapper": "mapper training step, batch 2",
}
MEMORY_TARGET = 8 * 10**9
"""Bytes; latent optimisation at 1024 px should need less."""


def tasks(arguments: argparse.Namespace) -> list[Task]:
    """The tasks to measure."""
    common = {"device": arguments.device, "dtype": arguments.dtype, "batch": arguments.batch}
    common |= {"repeat": arguments.repeat, "unfrozen": arguments.unfrozen}
    return [
        Task(case=case, implementation=implementation, size=size, **common)
        for size in arguments.sizes
        for case in arguments.only
        for implementation in IMPLEMENTATIONS
    ]


def lines(results: Sequence[dict[str, Any]]) -> list[Line]:
    """Lines of the table; each line of inst is compared with the reference before it."""
    table: list[Line] = []
    reference = None
    for result in results:
        task = Task(**result["task"])
        inst = task.implementation == "inst"
        batch = f", batch {task.batch_size}" if inst and task.case in ("synthesis", "edit", "relevance") else ""
        name = "inst" if inst else "reference, not frozen" if task.unfrozen else "reference"
        seconds = result["seconds"].get("step") or result["seconds"]["image"]
        label = f"{task.sizes.title}: {LABELS[task.case]}, {name}{batch}"
        line = Line(label, seconds, result["memory"], reference if inst else None)
        reference = line if not inst else reference
        table.append(line)
    return table


def report(results: Sequence[dict[str, Any]], machine: dict[str, str], title: str, elapsed: float) -> str:
    """The table and the machine it was measured on, in Markdown."""
    table = markdown_table([title, *COLUMNS], [line.cells() for line in lines(results)])
    notes = [
        f"{Task(**result['task']).sizes.title}: a new text is encoded once for all images, in "
        f"{result['seconds']['text']:.2f} s; the reference encodes it for every image."
        for result in results
        if "text" in result["seconds"]
    ]
    for result in results:
        task = Task(**result["task"])
        if (task.case, task.implementation, task.size) == ("optimize", "inst", "1024"):
            verdict = "met" if result["memory"] < MEMORY_TARGET else "missed"
            limit = f"{MEMORY_TARGET / GIB:.2f} GiB (8 GB)"
            memory = f"{result['memory'] / GIB:.2f} GiB"
            notes.append(f"Latent optimisation at 1024 px: {memory}; target of less than {limit} {verdict}.")
    metadata = "; ".join(f"{name} {value}" for name, value in machine.items())
    return "\n".join([table, "", metadata, "", *notes, f"The run took {elapsed:.0f} s."])


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    if arguments.task:
        torch.set_num_threads(arguments.threads)
        print(json.dumps(measure(Task(**json.loads(arguments.task)))))
        return
    started = time.perf_counter()
    results: list[dict[str, Any]] = []
    for task in tasks(arguments):
        options = ["--threads", str(arguments.threads), "--task", json.dumps(asdict(task))]
        results.append(run_alone("benchmarks.speed.gan", options, arguments.threads))
        print(f"{task.size} {task.case} {task.implementation}: {results[-1]['seconds']}", flush=True)
    machine = describe_machine(torch.device(arguments.device), arguments.threads)
    title = "random weights" + (f", {arguments.note}" if arguments.note else "")
    text = report(results, machine, title, time.perf_counter() - started)
    print(f"\n{text}")
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, "results": results})


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="auto", help="precision of inst; the reference uses float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=["1024", "embedded"])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="lines to measure")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each line; the fastest counts")
    parser.add_argument("--batch", type=int, default=0, help="batch size of inst (default: by network size, for a CPU)")
    parser.add_argument(
        "--unfrozen", action="store_true", help="the reference with gradients of all weights, as published"
    )
    parser.add_argument("--note", default="", help="added to the table's title")
    parser.add_argument("--output", type=Path, help="Markdown file to write; .json is written beside it")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
