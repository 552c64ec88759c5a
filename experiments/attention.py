"""PyTorch's attention and inst's blockwise attention in bfloat16 on this CPU: `python -m experiments.attention`."""

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
"""Batch, heads, queries, keys, width: levels of Stable Diffusion with guidance, and of the embedded model."""


def milliseconds(run: Callable[[], object], repeat: int = 5) -> float:
    """Duration of the fastest run, after an untimed first one."""
    run()
    best = float("inf")
    for _ in range(repeat):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    print(
        "| b, heads, queries, keys, width | PyTorch | blockwise | PyTorch, with gradients | blockwise, with gradients |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    for b, heads, queries, keys, width in SHAPES:
        tensors = [
            torch.randn(b, n, heads, width).bfloat16().transpose(1, 2).requires_grad_() for n in (queries, keys, keys)
        ]
        cells = [f"{_forward(attention, tensors):.1f} ms" for attention in (scaled_dot_product_attention, attend)]
        cells += [
            f"{_forward_backward(attention, tensors):.1f} ms" for attention in (scaled_dot_product_attention, attend)
        ]
        print(f"| {b}, {heads}, {queries}, {keys}, {width} | {' | '.join(cells)} |", flush=True)
    print("; ".join(f"{k} {v}" for k, v in describe_machine(torch.device("cpu"), threads).items()))


def _forward(attention: Callable[..., Tensor], tensors: list[Tensor]) -> float:
    with torch.no_grad():
        return milliseconds(lambda: attention(*tensors))


def _forward_backward(attention: Callable[..., Tensor], tensors: list[Tensor]) -> float:
    return milliseconds(lambda: attention(*tensors).sum().backward(), repeat=3)


if __name__ == "__main__":
    main()
