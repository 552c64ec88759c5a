"""Learning ``[C]`` from one painting: the update and the validation that the training loop (`inst.training`) runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inst.diffusion.schedule import EpsModel, NoiseSchedule
from inst.diffusion.tone import Tone, tone_of
from inst.diffusion.transport import PatchDistribution, patch_distribution
from inst.errors import ModelError, TokenError
from inst.inversion.learner import vectors_of
from inst.inversion.loss import Draw, draw, noise_loss
from inst.inversion.settings import InversionSettings
from inst.models.latent_diffusion import LatentDiffusion
from inst.placeholders import PLACEHOLDER
from inst.seeds import generator as seeded
from inst.shapes import Conditioning, TokenVectors
from inst.training.loop import TrainingTask
from inst.training.random_state import RandomStream

VALIDATION_DRAWS = 16
Result = TypeVar("Result")


@dataclass
class InversionTraining:
    """Everything that learning one painting needs; what is frozen was computed once.

    Attributes:
        model: the frozen diffusion model.
        learner: makes the token vectors; its parameters are what is learned.
        latents: (1 or 2, c, lh, lw), the painting's and its mirror image's.
        settings: resolved; see :func:`inst.inversion.settings.resolve`.
        prompt: the text in which ``[C]`` is learned.
        random: in force during updates, for dropout.
        step: updates made so far, for the error message.
        micro: timesteps computed at once; halved where the memory does not suffice.
    """

    model: LatentDiffusion
    learner: nn.Module
    latents: Float[Tensor, "flips c lh lw"]
    settings: InversionSettings
    prompt: str
    random: RandomStream

    def __post_init__(self) -> None:
        s = self.settings
        assert s.learning_rate is not None
        self.schedule = NoiseSchedule(self.model.alphas_cumprod, self.model.steps_offset)
        self.learner.to(self.device).train()
        self.optimizer = torch.optim.AdamW(self.learner.parameters(), lr=s.learning_rate, weight_decay=0.0)
        self.generator = seeded(s.seed)
        self.step = 0
        self.micro = s.micro_batch or s.batch_size or 1
        self._fixed = self._draw(VALIDATION_DRAWS, seeded(s.seed, 1))

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.placement.device

    def task(self) -> TrainingTask:
        """What the training loop runs; the starting vectors may turn out to be the best ones.

        Its updates raise :class:`TokenError` where the loss is not a number.
        """
        s = self.settings
        assert s.early_stop is not None
        return TrainingTask(
            network=self.learner,
            optimizer=self.optimizer,
            updates=self._updates,
            validate=self.validate,
            validation_steps=s.validation_steps,
            patience=s.early_stop,
            untrained_counts=True,
            random=self.random,
            generators={"draws": self.generator},
        )

    def _updates(self, step: int) -> Iterator[float]:
        self.step = step
        while True:
            yield self.update(self.draw())
            self.step += 1

    def draw(self) -> Draw:
        """The batch of the next update."""
        assert self.settings.batch_size is not None
        return self._draw(self.settings.batch_size, self.generator)

    def _draw(self, batch: int, generator: torch.Generator) -> Draw:
        s = self.settings
        square = max(1, (s.crop or s.resolution or 512) // self.model.factor)
        return draw(self.latents, self.schedule, batch, square, generator, s.noise_offset or 0.0)

    def update(self, drawn: Draw) -> float:
        """One step of AdamW.

        Returns:
            The loss before the step.

        Raises:
            TokenError: the loss is not a number; the learner is unchanged.
            ModelError: the memory does not suffice for one timestep at a time.
        """
        loss = self._in_memory(lambda: self._accumulate_gradients(drawn))
        if not math.isfinite(loss):
            raise TokenError(
                f"the loss is not a number after {self.step} steps: lower --learning-rate, or --dtype float32"
            )
        nn.utils.clip_grad_norm_(self.learner.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def _accumulate_gradients(self, drawn: Draw) -> float:
        """The loss and its gradients; a batch larger than the micro-batch is computed in parts."""
        snr_gamma, batch = self.settings.snr_gamma, len(drawn.t)
        assert snr_gamma is not None
        self.optimizer.zero_grad(set_to_none=True)
        self.learner.train()
        total = 0.0
        for start in range(0, batch, self.micro):
            part = Draw(*(tensor[start : start + self.micro] for tensor in drawn))
            eps_model = self._eps_model(self.conditioning(self.learner()), part)
            loss = noise_loss(eps_model, self.schedule, part, snr_gamma) * (len(part.t) / batch)
            loss.backward()
            total += float(loss.detach())
        return total

    @torch.no_grad()
    def validate(self) -> float:
        """The loss on fixed squares, timesteps and noises, without dropout."""
        self.learner.eval()
        loss = self._in_memory(self._validation_loss)
        self.learner.train()
        return loss

    def _validation_loss(self) -> float:
        snr_gamma = self.settings.snr_gamma
        assert snr_gamma is not None
        conditioning = self.conditioning(self.learner())
        total = 0.0
        for start in range(0, VALIDATION_DRAWS, self.micro):
            part = Draw(*(tensor[start : start + self.micro] for tensor in self._fixed))
            eps_model = self._eps_model(conditioning, part)
            total += noise_loss(eps_model, self.schedule, part, snr_gamma).item() * len(part.t)
        return total / VALIDATION_DRAWS

    def _in_memory(self, compute: Callable[[], Result]) -> Result:
        """The result; where the memory does not suffice, computed in smaller parts from now on."""
        while True:
            try:
                return compute()
            except torch.OutOfMemoryError:
                if self.micro == 1:
                    raise ModelError(
                        f"{self.model.name} does not fit the memory of {self.device}: give a smaller --resolution or "
                        "--crop, or --device cpu"
                    ) from None
                self.micro = -(-self.micro // 2)
                torch.cuda.empty_cache()

    def _eps_model(self, conditioning: Conditioning, drawn: Draw) -> EpsModel:
        return self.model.eps_model(conditioning.expand(len(drawn.t), -1, -1))

    def conditioning(self, vectors: TokenVectors) -> Conditioning:
        """The encoded prompt with ``vectors`` in place of ``[C]``; one row, differentiable."""
        return self.model.text.encode_prompt([self.prompt], {PLACEHOLDER: vectors})

    def vectors(self, weights: Mapping[str, Tensor] | None = None) -> TokenVectors:
        """The token vectors, without dropout, on the CPU.

        Args:
            weights: the learner's state dict; ``None`` for its current one.
        """
        return vectors_of(self.learner, weights)

    @cached_property
    def patches(self) -> PatchDistribution:
        """The painting's patches, for patch transport."""
        return patch_distribution(self.latents[:1])

    @cached_property
    def tone(self) -> Tone:
        """The mean and deviation of the painting's latents."""
        return tone_of(self.latents[:1])
