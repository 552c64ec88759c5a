"""The GAN side at 1024 px and in the embedded domain, ours against the published formulation, in one run.

Weights are random: time and memory do not depend on their values. Every line is measured in a process of its own, so
that its peak memory is its own.

    python -m benchmarks.speed.gan                            # 1024 px and the embedded size
    python -m benchmarks.speed.gan --sizes embedded           # that one alone
    python -m benchmarks.speed.gan --sizes tiny --repeat 1    # rehearsal with narrow networks
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
from benchmarks.speed.comparison import Line
from benchmarks.speed.stylegan2.cases import CASES, SIDES, Task, measure
from benchmarks.speed.stylegan2.networks import SIZES

LABELS = {
    "synthesis": "a picture drawn",
    "edit": "a global edit",
    "prepass": "a picture of directions prepare",
    "optimize": "a step of optimisation",
    "mapper": "a step of a mapper's training, batch 2",
}
MEMORY_TO_REACH = 8 * 10**9
"""Bytes that optimisation at 1024 px is to stay under."""


def tasks(arguments: argparse.Namespace) -> list[Task]:
    """What is to be measured."""
    common = {"device": arguments.device, "dtype": arguments.dtype, "batch": arguments.batch}
    common |= {"repeat": arguments.repeat, "unfrozen": arguments.unfrozen}
    return [
        Task(case=case, side=side, size=size, **common)
        for size in arguments.sizes
        for case in arguments.only
        for side in SIDES
    ]


def lines(results: Sequence[dict[str, Any]]) -> list[Line]:
    """The table's lines; each of ours is compared with the reference's before it."""
    made: list[Line] = []
    reference = None
    for result in results:
        task = Task(**result["task"])
        ours = task.side == "inst"
        at_once = f", {task.pictures} at once" if ours and task.case in ("synthesis", "edit", "prepass") else ""
        whose = "inst" if ours else "reference, unfrozen" if task.unfrozen else "reference"
        seconds = result["seconds"].get("step") or result["seconds"]["picture"]
        label = f"{task.sizes.title}: {LABELS[task.case]}, {whose}{at_once}"
        line = Line(label, seconds, result["memory"], reference if ours else None)
        reference = line if not ours else reference
        made.append(line)
    return made


def report(results: Sequence[dict[str, Any]], machine: dict[str, str], title: str, elapsed: float) -> str:
    """The table and what it was measured on, in Markdown."""
    table = markdown_table([title, "time", "faster", "peak memory", "share"], [line.cells() for line in lines(results)])
    notes = [
        f"{Task(**result['task']).sizes.title}: a new text is read once for all pictures, in "
        f"{result['seconds']['text']:.2f} s; the reference reads it for every picture."
        for result in results
        if "text" in result["seconds"]
    ]
    for result in results:
        task = Task(**result["task"])
        if (task.case, task.side, task.size) == ("optimize", "inst", "1024"):
            held = "reached" if result["memory"] < MEMORY_TO_REACH else "missed"
            limit = f"{MEMORY_TO_REACH / GIB:.2f} GiB (8 GB)"
            notes.append(f"Optimisation at 1024 px in {result['memory'] / GIB:.2f} GiB; to stay under {limit}: {held}.")
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
        given = ["--threads", str(arguments.threads), "--task", json.dumps(asdict(task))]
        results.append(run_alone("benchmarks.speed.gan", given, arguments.threads))
        print(f"{task.size} {task.case} {task.side}: {results[-1]['seconds']}", flush=True)
    machine = describe_machine(torch.device(arguments.device), arguments.threads)
    title = "random weights" + (f", {arguments.note}" if arguments.note else "")
    text = report(results, machine, title, time.perf_counter() - started)
    print(f"\n{text}")
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, "results": results})


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="auto", help="our precision; the reference is in float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=["1024", "embedded"])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="lines to measure")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of a line; the shortest counts")
    parser.add_argument("--batch", type=int, default=0, help="pictures at once, ours (default: by size, for a CPU)")
    parser.add_argument(
        "--unfrozen", action="store_true", help="the reference with all weights' gradients, as published"
    )
    parser.add_argument("--note", default="", help="stands above the table, as: a rehearsal on a busy machine")
    parser.add_argument("--output", type=Path, help="Markdown file to write; JSON beside it")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
