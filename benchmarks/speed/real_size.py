"""A training step and a stylization at Stable Diffusion 1.5's size, compared with InST's release.

Weights are random: time and memory do not depend on their values. Every line is measured in a separate process, so that
peak memory is not affected by the others.

    python -m benchmarks.speed.real_size                    # CPU: 2 denoising steps timed, the total extrapolated
    python -m benchmarks.speed.real_size --full             # every step timed; the default on a GPU
    python -m benchmarks.speed.real_size --tiny --steps 1   # quick trial with narrow networks
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.machine import describe_machine, run_alone
from benchmarks.common.tables import markdown_table, write_results
from benchmarks.speed.comparison import COLUMNS, Line, format_seconds
from benchmarks.speed.diffusion.cases import CASES, STEPS, Task, measure, steps_run
from benchmarks.speed.diffusion.networks import real_size, tiny_size

FEWER_STEPS = (("dpm++", 20), ("unipc", 20), ("unipc", 10))


def stylization_seconds(seconds: dict[str, float], steps: int) -> float:
    """Duration of a stylization of ``steps`` denoising steps: as measured, or extrapolated from its parts."""
    if "whole" in seconds:
        return seconds["whole"]
    return sum(value for name, value in seconds.items() if name != "step") + steps * seconds["step"]


def lines(results: dict[str, dict[str, Any]], batch: int) -> list[Line]:
    """Lines of the table."""
    table: list[Line] = []
    reference = _training_line("training step, InST release", results.get("train-reference"), None)
    inst_label = f"training step, inst{_batch(batch)}"
    stylized = _stylization_line("stylization, InST release", results.get("stylize-reference"), None, STEPS)
    table += [reference, _training_line(inst_label, results.get("train-inst"), reference)]
    table += [
        _training_line("training step, InST release, checkpointed, U-Net not frozen", results.get("unfrozen"), None)
    ]
    table += [stylized]
    label = "stylization, inst, {}, {} of {} steps" + _batch(batch)
    inst = results.get("stylize-inst")
    table += [_stylization_line(label.format("ddim", steps_run(STEPS), STEPS), inst, stylized, STEPS)]
    for sampler, num_steps in FEWER_STEPS:
        measured = results.get(f"{sampler} {num_steps}", inst)
        text = label.format(sampler, steps_run(num_steps), num_steps)
        table.append(_stylization_line(text, measured, stylized, num_steps))
    return [line for line in table if line is not None]


def _batch(batch: int) -> str:
    return f", batch {batch}" if batch > 1 else ""


def _training_line(label: str, result: dict[str, Any] | None, against: Line | None) -> Any:
    return result and Line(label, result["seconds"]["step"], result["memory"], against)


def _stylization_line(label: str, result: dict[str, Any] | None, against: Line | None, num_steps: int) -> Any:
    return result and Line(
        label, stylization_seconds(result["seconds"], steps_run(num_steps)), result["memory"], against
    )


def report(
    results: dict[str, dict[str, Any]], machine: dict[str, str], steps: int, batch: int, title: str, elapsed: float
) -> str:
    """The table and the machine it was measured on, in Markdown."""
    header = [title, *COLUMNS]
    table_lines = lines(results, batch)
    note = (
        f"{steps} denoising step{'s' * (steps > 1)} of each stylization "
        f"{'were' if steps > 1 else 'was'} timed and the total extrapolated from their mean; everything else was "
        "measured once."
        if steps
        else "Every step was timed; nothing is extrapolated."
    )
    metadata = "; ".join(f"{name} {value}" for name, value in machine.items())
    parts = [
        f"{case}: " + ", ".join(f"{name} {format_seconds(value)}" for name, value in result["seconds"].items())
        for case, result in results.items()
    ]
    table = markdown_table(header, [line.cells() for line in table_lines])
    return "\n".join(
        [table, "", metadata, "", note, f"The run took {elapsed:.0f} s.", "", *(f"- {part}" for part in parts)]
    )


def tasks(arguments: argparse.Namespace, folder: str) -> dict[str, Task]:
    """The tasks to measure, by the name of their result."""
    common = {"device": arguments.device, "dtype": arguments.dtype, "tiny": arguments.tiny, "repeat": arguments.repeat}
    steps = 0 if arguments.full else arguments.steps
    selected = {
        case: Task(case=case, steps=steps, batch=arguments.batch, folder=folder, **common) for case in arguments.only
    }
    if arguments.unfrozen:
        selected["unfrozen"] = Task(case="train-reference", checkpointed=True, weight_gradients=True, **common)
    if not steps and "stylize-inst" in selected:
        for sampler, num_steps in FEWER_STEPS:
            options = asdict(selected["stylize-inst"]) | {"sampler": sampler, "num_steps": num_steps}
            selected[f"{sampler} {num_steps}"] = Task(**options)
    return selected


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    if arguments.write:
        _write(arguments)
        return
    if arguments.task:
        torch.set_num_threads(arguments.threads)
        print(json.dumps(measure(Task(**json.loads(arguments.task)))))
        return
    started = time.perf_counter()
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if any(case.endswith("-inst") for case in arguments.only):
            run_alone("benchmarks.speed.real_size", _options(arguments, "--write", folder), arguments.threads)
        for name, task in tasks(arguments, folder).items():
            results[name] = run_alone(
                "benchmarks.speed.real_size", _options(arguments, "--task", json.dumps(asdict(task))), arguments.threads
            )
            print(f"{name}: {results[name]['seconds']}", flush=True)
    machine = describe_machine(torch.device(arguments.device), arguments.threads)
    steps = 0 if arguments.full else arguments.steps
    title = "quick trial with narrow networks" if arguments.tiny else "SD 1.5's size, 512 px, random weights"
    text = report(results, machine, steps, arguments.batch, title, time.perf_counter() - started)
    print(f"\n{text}")
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, "results": results})


def _options(arguments: argparse.Namespace, *what: str) -> list[str]:
    tiny = ["--tiny"] if arguments.tiny else []
    return ["--threads", str(arguments.threads), "--device", arguments.device, "--dtype", arguments.dtype, *tiny, *what]


def _write(arguments: argparse.Namespace) -> None:
    from benchmarks.speed.diffusion.toolkit import write_model
    from inst.placement import choose_placement

    size = tiny_size() if arguments.tiny else real_size()
    write_model(Path(arguments.write), size, choose_placement(arguments.device, arguments.dtype).dtype)
    print("{}")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="auto", help="precision of inst; the release uses float32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=2, help="denoising steps to time; the total is extrapolated")
    parser.add_argument("--full", action="store_true", help="time every step; the default on a GPU")
    parser.add_argument("--repeat", type=int, default=1, help="measurements of each line; the fastest counts")
    parser.add_argument("--batch", type=int, default=1, help="batch size of inst")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="lines to measure")
    parser.add_argument(
        "--unfrozen",
        action="store_true",
        help="also measure the release with checkpointing and gradients of the U-Net's weights",
    )
    parser.add_argument("--tiny", action="store_true", help="narrow networks, for a quick trial")
    parser.add_argument("--output", type=Path, help="Markdown file to write; .json is written beside it")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    arguments.full = arguments.full or arguments.device.startswith("cuda")
    return arguments


if __name__ == "__main__":
    main()
