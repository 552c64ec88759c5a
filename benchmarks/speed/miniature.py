"""How long the embedded miniature takes: learning a painting, stylizing a photo, the commands themselves.

python -m benchmarks.speed.miniature
python -m benchmarks.speed.miniature --train-steps 2   # a rehearsal
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

from benchmarks.common.machine import GIB, describe_machine, peak_memory
from benchmarks.common.pairs import read_painting
from benchmarks.common.style_transfer import Stylist
from benchmarks.common.tables import markdown_table, write_results
from inst.commands.diffusion.options import ModelOptions
from inst.image import list_images, write_image
from inst.shapes import Image
from miniature.common.example_pictures import STYLE_IMAGES, packaged_photos, read_photo

ROOT = Path(__file__).parents[2]
SIDE = 256
TARGETS = {
    "learn a painting, model loaded": 40.0,
    "stylize 256 px, model loaded": 4.0,
    "stylize.py, the whole command": 12.0,
    "stylize.py --help": 1.0,
}


def fastest(work: Callable[[], object], repeat: int) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def command(*arguments: str) -> Callable[[], None]:
    """A run of ``stylize.py`` in a process of its own.

    Raises:
        RuntimeError: it fails; its last lines are the message.
    """

    def run() -> None:
        done = subprocess.run([sys.executable, "stylize.py", *arguments], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"stylize.py {' '.join(arguments)}: {done.stderr[-1000:]}")

    return run


def measure(folder: Path, train_steps: int | None, repeat: int) -> tuple[dict[str, float], dict[str, str]]:
    """Seconds by line, and what else is worth knowing."""
    times = {"stylize.py --help": fastest(command("--help"), repeat)}
    stylist = Stylist(ModelOptions(), folder / "styles", train_steps=train_steps)
    photo = read_photo(packaged_photos()[0], SIDE)
    painting = read_painting(list_images(STYLE_IMAGES)[0])
    _load(stylist, photo)
    start = time.perf_counter()
    token = stylist.learn(painting)
    times["learn a painting, model loaded"] = time.perf_counter() - start
    times["stylize 256 px, model loaded"] = fastest(lambda: stylist.stylize(photo, token), repeat)
    (style,) = (folder / "styles").glob("*.safetensors")
    content, output = folder / "photo.png", folder / "result.png"
    write_image(content, photo)
    given = ("--content", str(content), "--style", str(style), "--output", str(output), "--overwrite")
    times["stylize.py, the whole command"] = fastest(command(*given), repeat)
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    metadata = {
        "steps learned": str(token.metadata.get("step")),
        "learning's memory": f"{peak_memory(torch.device('cpu')) / GIB:.1f} GiB",
        "the command's memory": f"{largest_child / GIB:.1f} GiB",
    }
    return times, metadata


def _load(stylist: Stylist, photo: Image) -> None:
    """Model and CLIP, and each network run once."""
    stylist.stylize(photo, None, num_steps=2)
    with torch.no_grad():
        stylist.session.clip.embed_images(photo)


def report(times: dict[str, float], metadata: dict[str, str], machine: dict[str, str]) -> str:
    """The table in Markdown."""
    lines = [[name, f"{times[name]:.2f} s", f"{target:g} s"] for name, target in TARGETS.items() if name in times]
    about = "; ".join(f"{name} {value}" for name, value in (metadata | machine).items())
    return f"{markdown_table(['the embedded miniature', 'measured', 'to reach'], lines)}\n\n{about}"


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train-steps", type=int, help="fewer than the model's own: a rehearsal")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each but learning; the shortest counts")
    parser.add_argument("--output", type=Path, help="Markdown file to write; JSON beside it")
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
