"""Torch's attention beside ours in blocks, on this CPU in bfloat16: `python -m experiments.attention [--threads N]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.common.machine import describe_machine
from inst.models.cpu_attention import attend

SHAPES = (
    (2, 8, 4096, 4096, 40),
    (2, 8, 1024, 1024, 80),
    (2, 8, 256, 256, 160),
    (2, 8, 4096, 77, 40),
    (2, 4, 1024, 1024, 32),
)
"""Batch, heads, positions, keys, width: Stable Diffusion's levels under guidance, and the miniature's."""


def milliseconds(run: Callable[[], object], repeat: int = 5) -> float:
    """The best of some runs, after one that does not count."""
    run()
    best = float("inf")
    for _ in range(repeat):
        begun = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begun)
    return best * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    print("| batch, heads, positions, keys, width | torch | in blocks | torch, with gradients | in blocks |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for b, heads, positions, keys, width in SHAPES:
        tensors = [
            torch.randn(b, n, heads, width).bfloat16().transpose(1, 2).requires_grad_() for n in (positions, keys, keys)
        ]
        cells = [f"{_forward(kind, tensors):.1f} ms" for kind in (scaled_dot_product_attention, attend)]
        cells += [f"{_both(kind, tensors):.1f} ms" for kind in (scaled_dot_product_attention, attend)]
        print(f"| {b}, {heads}, {positions}, {keys}, {width} | {' | '.join(cells)} |", flush=True)
    print("; ".join(f"{k} {v}" for k, v in describe_machine(torch.device("cpu"), threads).items()))


def _forward(kind: Callable[..., Tensor], tensors: list[Tensor]) -> float:
    with torch.no_grad():
        return milliseconds(lambda: kind(*tensors))


def _both(kind: Callable[..., Tensor], tensors: list[Tensor]) -> float:
    return milliseconds(lambda: kind(*tensors).sum().backward(), repeat=3)


if __name__ == "__main__":
    main()
