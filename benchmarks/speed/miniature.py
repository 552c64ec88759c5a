"""Time of the embedded model: learning a painting, stylizing a photo, whole commands.

python -m benchmarks.speed.miniature
python -m benchmarks.speed.miniature --train-steps 2   # a quick trial
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

import inst
from benchmarks.common.machine import GIB, describe_machine, peak_memory
from benchmarks.common.pairs import read_painting
from benchmarks.common.style_transfer import StyleTransfer
from benchmarks.common.tables import markdown_table, write_results
from inst.image import list_images, write_image
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos, read_photo

ROOT = Path(__file__).parents[2]
SIDE = 256
TARGETS = {
    "learn a painting, model loaded": 40.0,
    "stylize 256 px, model loaded": 4.0,
    "stylize.py, whole command": 12.0,
    "stylize.py --help": 1.0,
}


def fastest(work: Callable[[], object], repeat: int) -> float:
    """Duration in seconds of the fastest of several runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def command(*arguments: str) -> Callable[[], None]:
    """A function that runs ``stylize.py`` in a separate process.

    Raises:
        RuntimeError: the command failed; the message is the end of its standard error.
    """

    def run() -> None:
        completed = subprocess.run([sys.executable, "stylize.py", *arguments], cwd=ROOT, capture_output=True, text=True)
        if completed.returncode:
            raise RuntimeError(f"stylize.py {' '.join(arguments)}: {completed.stderr[-1000:]}")

    return run


def measure(folder: Path, train_steps: int | None, repeat: int) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds by line of the table, and training steps and memory."""
    times = {"stylize.py --help": fastest(command("--help"), repeat)}
    transfer = StyleTransfer(inst.load_model(), folder / "styles", train_steps=train_steps)
    photo = read_photo(packaged_photos()[0], SIDE)
    painting = read_painting(list_images(STYLE_IMAGES)[0])
    _load(transfer, photo)
    start = time.perf_counter()
    token = transfer.learn(painting)
    times["learn a painting, model loaded"] = time.perf_counter() - start
    times["stylize 256 px, model loaded"] = fastest(lambda: transfer.stylize(photo, token), repeat)
    (style,) = (folder / "styles").glob("*.safetensors")
    content, output = folder / "photo.png", folder / "result.png"
    write_image(content, photo)
    options = ("--content", str(content), "--style", str(style), "--output", str(output), "--overwrite")
    times["stylize.py, whole command"] = fastest(command(*options), repeat)
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    metadata = {
        "training steps": str(token.metadata.get("step")),
        "peak memory of learning": f"{peak_memory(torch.device('cpu')) / GIB:.1f} GiB",
        "peak memory of the command": f"{largest_child / GIB:.1f} GiB",
    }
    return times, metadata


def _load(transfer: StyleTransfer, photo: Image) -> None:
    """Load model and CLIP, and run each network once."""
    transfer.stylize(photo, None, num_steps=2)
    with torch.no_grad():
        transfer.session.clip.embed_images(photo)


def report(times: dict[str, float], metadata: dict[str, str], machine: dict[str, str]) -> str:
    """The table in Markdown."""
    lines = [[name, f"{times[name]:.2f} s", f"{target:g} s"] for name, target in TARGETS.items() if name in times]
    about = "; ".join(f"{name} {value}" for name, value in (metadata | machine).items())
    return f"{markdown_table(['embedded model', 'measured', 'target'], lines)}\n\n{about}"


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train-steps", type=int, help="training steps, for a quick trial (default: the model's)")
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of each measurement other than learning; the fastest counts"
    )
    parser.add_argument("--output", type=Path, help="Markdown file to write; .json is written beside it")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        times, metadata = measure(Path(folder), arguments.train_steps, arguments.repeat)
    machine = describe_machine(torch.device("cpu"), torch.get_num_threads())
    text = report(times, metadata, machine)
    print(text)
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, "seconds": times, "metadata": metadata})


if __name__ == "__main__":
    main()
