"""Learning ``[C]``: a generator that takes one step at a time. Bars, previews, saving and stopping are the caller's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from inst.diffusion.schedule import NoiseSchedule
from inst.errors import ModelError, TokenError
from inst.inversion.learner import vectors_of
from inst.inversion.loss import Draw, draw, noise_loss
from inst.inversion.settings import InversionSettings
from inst.models.latent_diffusion import LatentDiffusion
from inst.placeholders import PLACEHOLDER
from inst.seeds import generator as seeded
from inst.shapes import Conditioning, TokenVectors
from inst.training.shared import BestLoss, optimizer_tensors, restore_optimizer, with_prefix, without_prefix

VALIDATION_DRAWS = 16


class TrainStep(NamedTuple):
    """What a step reports."""

    step: int
    loss: float
    validation: float | None
    """The loss on the fixed draws, at the steps that take it."""
    improved: bool
    finished: bool


@dataclass
class Training:
    """The whole state of learning one painting: what a saved state holds and a resumed run continues.

    Attributes:
        latents: (1 or 2, c, lh, lw), the painting's and its mirror image's, encoded once.
        prompt: the text that ``[C]`` is learned in.
    """

    model: LatentDiffusion
    learner: nn.Module
    latents: Float[Tensor, "flips c lh lw"]
    settings: InversionSettings
    accelerator: Accelerator
    prompt: str

    def __post_init__(self) -> None:
        s = self.settings
        assert s.learning_rate is not None and s.early_stop is not None
        self.schedule = NoiseSchedule(self.model.alphas_cumprod, self.model.steps_offset)
        self.learner.to(self.accelerator.device).train()
        self.optimizer = torch.optim.AdamW(self.learner.parameters(), lr=s.learning_rate, weight_decay=0.0)
        self.generator = seeded(s.seed)
        self.best = BestLoss(s.early_stop)
        self.best_vectors = vectors_of(self.learner)
        self.best_parameters = self._parameters()
        self.step = 0
        self.micro = s.micro_batch or s.batch_size or 1
        self.first_validation: float | None = None
        self._fixed = draw(self.latents, self.schedule, VALIDATION_DRAWS, self._square, seeded(s.seed, 1), self._offset)

    @property
    def _square(self) -> int:
        crop = self.settings.crop or self.settings.resolution or 512
        return max(1, crop // self.model.factor)

    @property
    def _offset(self) -> float:
        return self.settings.noise_offset or 0.0

    def steps(self) -> Iterator[TrainStep]:
        """Learn until the steps are used up or the validation loss has flattened.

        Raises:
            TokenError: the loss is not a number; what was learned before stays in ``best_vectors``.
        """
        s = self.settings
        assert s.max_train_steps is not None and s.batch_size is not None
        if self.step == 0:
            self.first_validation = self.validate()
        while self.step < s.max_train_steps:
            loss = self._learn_in_memory(
                draw(self.latents, self.schedule, s.batch_size, self._square, self.generator, self._offset)
            )
            self.step += 1
            last = self.step == s.max_train_steps
            validation = self.validate() if last or self.step % s.validation_steps == 0 else None
            finished = last or (validation is not None and self.best.exhausted)
            yield TrainStep(self.step, loss, validation, validation is not None and self.best.waited == 0, finished)
            if finished:
                return

    def _learn_in_memory(self, drawn: Draw) -> float:
        """A step; where the memory does not suffice, in smaller parts from now on. The batch that counts stays."""
        while True:
            try:
                return self._learn(drawn)
            except torch.OutOfMemoryError:
                if self.micro == 1:
                    raise ModelError(
                        f"{self.model.name} does not fit the memory of {self.accelerator.device}: give a smaller "
                        "--resolution or --crop, or --device cpu"
                    ) from None
                self.micro = -(-self.micro // 2)
                self.optimizer.zero_grad(set_to_none=True)
                torch.cuda.empty_cache()

    def _learn(self, drawn: Draw) -> float:
        """One step of AdamW; a batch larger than the micro-batch is accumulated."""
        s = self.settings
        assert s.batch_size is not None and s.snr_gamma is not None
        total = 0.0
        self.learner.train()
        for start in range(0, s.batch_size, self.micro):
            part = Draw(*(tensor[start : start + self.micro] for tensor in drawn))
            share = len(part.t) / s.batch_size
            loss = noise_loss(self._eps_model(part), self.schedule, part, s.snr_gamma) * share
            self.accelerator.backward(loss)
            total += float(loss.detach())
        if total != total or total in (float("inf"), float("-inf")):
            raise TokenError(
                f"the loss is not a number after {self.step} steps: lower --learning-rate, or --dtype float32"
            )
        self.accelerator.clip_grad_norm_(self.learner.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def _eps_model(self, drawn: Draw) -> Any:
        conditioning = self.conditioning(self.learner())
        return self.model.eps_model(conditioning.expand(len(drawn.t), -1, -1))

    def conditioning(self, vectors: TokenVectors) -> Conditioning:
        """The prompt with ``[C]`` spelled by ``vectors``; one row, differentiable."""
        return self.model.text.encode_prompt([self.prompt], {PLACEHOLDER: vectors})

    @torch.no_grad()
    def validate(self) -> float:
        """The loss on the fixed squares, timesteps and noises, without dropout; keeps the best."""
        s = self.settings
        assert s.snr_gamma is not None
        self.learner.eval()
        conditioning = self.conditioning(self.learner())
        total, size = 0.0, self.micro
        for start in range(0, VALIDATION_DRAWS, size):
            part = Draw(*(tensor[start : start + size] for tensor in self._fixed))
            eps_model = self.model.eps_model(conditioning.expand(len(part.t), -1, -1))
            total += noise_loss(eps_model, self.schedule, part, s.snr_gamma).item() * len(part.t)
        self.learner.train()
        loss = total / VALIDATION_DRAWS
        if self.best.update(loss):
            self.best_vectors, self.best_parameters = vectors_of(self.learner), self._parameters()
        return loss

    def _parameters(self) -> dict[str, Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self.learner.state_dict().items()}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that resuming needs: tensors and metadata."""
        tensors = {
            **with_prefix("learner", self._parameters()),
            **with_prefix("best", self.best_parameters),
            **with_prefix("optimizer", optimizer_tensors(self.optimizer)),
            "best_vectors": self.best_vectors,
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
        }
        metadata = {
            "step": self.step,
            "best": self.best.best,
            "waited": self.best.waited,
            "first_validation": self.first_validation,
        }
        return tensors, metadata

    def restore(self, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        """Continue from :meth:`state`; the run goes on as if it had never stopped."""
        self.learner.load_state_dict(without_prefix("learner", tensors))
        restore_optimizer(self.optimizer, without_prefix("optimizer", tensors))
        self.best_parameters = without_prefix("best", tensors)
        self.best_vectors = tensors["best_vectors"]
        self.generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["torch_generator"])
        self.step, self.first_validation = metadata["step"], metadata["first_validation"]
        self.best.best, self.best.waited = metadata["best"], metadata["waited"]
