"""Training runs: a budget, averaged weights, and a saved state from which a run resumes exactly."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When to stop: after minutes of training (including earlier runs) or after steps, whichever is given."""

    minutes: float | None = None
    steps: int | None = None

    def used(self, seconds: float, step: int) -> float:
        """Share of the budget that has been used, in [0, 1]."""
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        by_steps = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_time, by_steps))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Optimiser settings; the learning rate has ``warmup`` steps and then a cosine decay to ``floor`` times ``lr``."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    ema: float = 0.999
    warmup: int = 100
    floor: float = 0.05
    clip: float = 1.0


def accelerator(device: str = "auto") -> Accelerator:
    """Accelerator for the device: bf16 on hardware with native bfloat16 (CUDA or CPU), otherwise float32."""
    cpu = device == "cpu" or not torch.cuda.is_available()
    native = torch.cuda.is_bf16_supported() if not cpu else _cpu_has_bf16()
    return Accelerator(cpu=cpu, mixed_precision="bf16" if native else "no")


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


class Run:
    """A training run.

    The random numbers of every step depend on (seed, step) alone and the complete state is saved, so a resumed run
    gives the same numbers as one that was not interrupted.
    """

    def __init__(
        self, folder: Path, modules: dict[str, nn.Module], recipe: Recipe, budget: Budget, seed: int = 0
    ) -> None:
        self.folder, self.modules, self.recipe, self.budget, self.seed = folder, modules, recipe, budget, seed
        self.step, self.seconds, self.last_loss = 0, 0.0, float("nan")
        self.names = [f"{key}.{name}" for key, module in modules.items() for name, _ in module.named_parameters()]
        self.params = [p for module in modules.values() for p in module.parameters()]
        self.params_ema = [p.detach().clone() for p in self.params]
        self.optimizer = self._build_optimizer()
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.json").exists():
            self._load()

    def _build_optimizer(self) -> torch.optim.Optimizer:
        recipe = self.recipe
        return torch.optim.AdamW(
            self.params, lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay, fused=True
        )

    def steps(self, save_every: float = 120.0) -> Iterator[np.random.Generator]:
        """Yields a seeded generator for each step until the budget is used; saves regularly and at the end."""
        saved = started = time.monotonic()
        before = self.seconds
        while self.used < 1:
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield np.random.default_rng([self.seed, self.step])
            self.seconds = before + time.monotonic() - started
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    @property
    def used(self) -> float:
        return self.budget.used(self.seconds, self.step)

    def update(self, loss: Tensor) -> None:
        """One optimiser step; raises if the loss is not finite, before anything is changed or saved."""
        self.last_loss = float(loss.detach())
        if not np.isfinite(self.last_loss):
            raise FloatingPointError(f"loss is {self.last_loss} at step {self.step}")
        loss.backward()
        nn.utils.clip_grad_norm_(self.params, self.recipe.clip)
        cosine = 0.5 * (1 + np.cos(np.pi * self.used))
        rate = self.recipe.lr * (self.recipe.floor + (1 - self.recipe.floor) * cosine)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / self.recipe.warmup)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        # The average is short at first, so that it does not include the random initialisation.
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.params_ema, [p.detach() for p in self.params], 1 - decay)

    def averaged(self) -> dict[str, dict[str, Tensor]]:
        """State dicts of the modules with averaged weights."""
        table = dict(zip(self.names, self.params_ema, strict=True))
        return {
            key: {
                name: table.get(f"{key}.{name}", value).detach().clone() for name, value in module.state_dict().items()
            }
            for key, module in self.modules.items()
        }

    def save(self) -> None:
        """Write to temporary files and rename them; the JSON names the tensor file, so that both match."""
        file = f"state-{self.step}.safetensors"
        save_file(self._tensors(), self.folder / (file + ".part"))
        (self.folder / (file + ".part")).replace(self.folder / file)
        text = json.dumps({"file": file, "step": self.step, "seconds": self.seconds, "loss": self.last_loss})
        (self.folder / "state.json.part").write_text(text)
        (self.folder / "state.json.part").replace(self.folder / "state.json")
        for old in self.folder.glob("state-*.safetensors"):
            if old.name != file:
                old.unlink()

    def _tensors(self) -> dict[str, Tensor]:
        """Everything that the next step depends on."""
        tensors = {}
        for name, param, mean in zip(self.names, self.params, self.params_ema, strict=True):
            tensors[f"param/{name}"], tensors[f"ema/{name}"] = param.detach().contiguous(), mean.contiguous()
            for key, value in self.optimizer.state.get(param, {}).items():
                tensors[f"adam/{key}/{name}"] = value.contiguous()
        return tensors

    def _load(self) -> None:
        state, tensors = saved(self.folder)
        with torch.no_grad():
            self._restore(tensors)
        self.step, self.seconds, self.last_loss = state["step"], state["seconds"], state["loss"]

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        for name, param, mean in zip(self.names, self.params, self.params_ema, strict=True):
            param.copy_(tensors[f"param/{name}"])
            mean.copy_(tensors[f"ema/{name}"])
            adam = {
                k: tensors[f"adam/{k}/{name}"]
                for k in ("step", "exp_avg", "exp_avg_sq")
                if f"adam/{k}/{name}" in tensors
            }
            if adam:
                # The fused optimiser requires moments with the memory format of their weights (channels last or not).
                self.optimizer.state[param] = {
                    k: v.to(param.device) if k == "step" else torch.empty_like(param).copy_(v) for k, v in adam.items()
                }


def saved(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The state written by `Run.save`: the content of ``state.json``, and the tensors of the file that it names."""
    state = json.loads((folder / "state.json").read_text())
    return state, load_file(folder / state["file"])


def add_budget(parser: argparse.ArgumentParser, minutes: float) -> None:
    """Add ``--minutes`` and ``--steps``, which `budget_of` reads."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--minutes", type=float, default=minutes, help="training time in total, including earlier runs")
    group.add_argument("--steps", type=int, help="number of steps instead; independent of other load on the machine")


def budget_of(args: argparse.Namespace) -> Budget:
    return Budget(steps=args.steps) if args.steps else Budget(minutes=args.minutes)


def add_start(parser: argparse.ArgumentParser) -> None:
    """Add ``--start``."""
    parser.add_argument(
        "--start", type=Path, help="exported model whose weights initialise a new training (default: random)"
    )


def start_from(file: Path, module: nn.Module) -> None:
    """Initialise a module with exported weights; if their shapes differ, it keeps its random initialisation."""
    tensors = {name: value.float() for name, value in load_file(file).items()}
    shapes = {name: value.shape for name, value in module.state_dict().items() if name in tensors}
    if shapes != {name: value.shape for name, value in tensors.items()}:
        print(f"{file} does not match {type(module).__name__}, which is initialised randomly")
        return
    module.load_state_dict(tensors, strict=False)


def load_averaged(folder: Path, key: str, module: Net) -> Net:
    """Load the averaged weights of a saved run into a module."""
    _, tensors = saved(folder)
    with torch.no_grad():
        for name, param in module.named_parameters():
            param.copy_(tensors[f"ema/{key}.{name}"])
    return module.eval().requires_grad_(False)
