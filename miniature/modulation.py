"""A U-Net whose time embedding is added, carried over to one in which it scales and shifts.

Added before a norm, an embedding can hardly make a channel weaker or stronger, and how strong which channel is, is what
a texture is. After the norm it can (diffusers' `resnet_time_scale_shift="scale_shift"`; Huang & Belongie 2017 transfer
styles by nothing else). What either does to a sample is known, so the new form is fitted to the old one's.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.nn import functional

ROUNDS, BATCH, RATE = 3000, 512, 2e-3


def blocks(unet: UNet2DConditionModel) -> dict[str, ResnetBlock2D]:
    """The residual blocks by name."""
    return {name: module for name, module in unet.named_modules() if isinstance(module, ResnetBlock2D)}


def as_scale_and_shift(norm: nn.GroupNorm, x: Tensor, added: Tensor) -> Tensor:
    """(b, 2 c): the scale and shift after ``norm(x)`` that equal ``norm(x + added)``, exactly.

    Args:
        norm: with its own scale and shift.
        x: (b, c, h, w).
        added: (b, c), the same at every place.
    """

    def statistics(value: Tensor) -> tuple[Tensor, Tensor]:
        grouped = value.unflatten(1, (norm.num_groups, -1)).flatten(2)
        per_group = grouped.mean(2), (grouped.var(2, unbiased=False) + norm.eps).sqrt()
        mean, deviation = (part.repeat_interleave(value.shape[1] // norm.num_groups, 1) for part in per_group)
        return mean, deviation

    (mean, deviation), (mean_after, deviation_after) = statistics(x), statistics(x + added[..., None, None])
    share = deviation / deviation_after
    shift = norm.weight * (mean + added - mean_after) / deviation_after + norm.bias * (1 - share)
    return torch.cat([share - 1, shift], 1)


@torch.no_grad()
def observe(
    unet: UNet2DConditionModel, samples: Iterable[tuple[Tensor, Tensor, Tensor]]
) -> tuple[Tensor, Tensor, Tensor]:
    """What the added embedding does in every block.

    Args:
        samples: noisy latents (b, 4, h, w), timesteps (b,), hidden states of the text (b, s, d).

    Returns:
        Timesteps (n,), the text as it is pooled (n, d), scales and shifts of all blocks (n, 2 channels).
    """
    seen: dict[str, Tensor] = {}
    handles = []
    for name, block in blocks(unet).items():

        def keep(norm: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
            added = seen[name + ".added"]
            seen[name] = as_scale_and_shift(norm, inputs[0].float() - added[..., None, None], added)  # pyright: ignore[reportArgumentType]

        def keep_added(_: nn.Module, __: tuple[Tensor], output: Tensor, name: str = name) -> None:
            seen[name + ".added"] = output.float()

        handles += [block.time_emb_proj.register_forward_hook(keep_added), block.norm2.register_forward_pre_hook(keep)]  # pyright: ignore[reportOptionalMemberAccess]
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for xt, t, states in samples:
        unet(xt, t, encoder_hidden_states=states)
        found.append((t, _pooled(unet, states), torch.cat([seen[name] for name in blocks(unet)], 1)))
    for handle in handles:
        handle.remove()
    times, pooled, wanted = (torch.cat(parts) for parts in zip(*found, strict=True))
    return times, pooled, wanted


def _pooled(unet: UNet2DConditionModel, states: Tensor) -> Tensor:
    return unet.add_embedding.pool(unet.add_embedding.norm1(states.float()))


def carry_over(
    old: UNet2DConditionModel,
    new: UNet2DConditionModel,
    samples: Iterable[tuple[Tensor, Tensor, Tensor]],
    rounds: int = ROUNDS,
) -> float:
    """Give ``new`` the weights of ``old``, and fit its embeddings to what those of ``old`` do to ``samples``.

    Args:
        old: adds its time embedding, of any width.
        new: scales and shifts by it, otherwise of the same form.

    Returns:
        The share that is missed, of the variance of what is done.
    """
    shapes = {name: value.shape for name, value in new.state_dict().items()}
    kept = {name: value for name, value in old.state_dict().items() if value.shape == shapes.get(name)}
    new.load_state_dict(kept, strict=False)
    times, pooled, wanted = observe(old, samples)
    norms = [block.norm2 for block in blocks(new).values()]
    # Of what a channel is, its norm's own scale and shift are the amplitude that a scale acts on.
    effect = [
        torch.cat([(n.weight.square() + n.bias.square()).sqrt(), torch.ones_like(n.bias)]).detach() for n in norms
    ]
    weight = torch.cat(effect)
    sinusoids = new.time_proj(times).float()
    projections = [block.time_emb_proj for block in blocks(new).values()]
    parts = nn.ModuleList([new.time_embedding, new.add_embedding.proj, new.add_embedding.norm2, *projections])
    nn.init.ones_(new.add_embedding.norm2.weight)  # it begins as nothing where nothing was learned

    def guess(at: Tensor) -> Tensor:
        text = new.add_embedding.norm2(new.add_embedding.proj(pooled[at]))
        embedding = functional.silu(new.time_embedding(sinusoids[at]) + text)
        return torch.cat([projection(embedding) for projection in projections], 1)  # pyright: ignore[reportOptionalCall]

    optimizer = torch.optim.AdamW(parts.parameters(), lr=RATE, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, rounds)
    for _ in range(rounds):
        at = torch.randint(len(times), (BATCH,), device=times.device)
        loss = ((guess(at) - wanted[at]) * weight).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        everything = torch.arange(len(times), device=times.device)
        missed = ((guess(everything) - wanted) * weight).square().mean()
        return float(missed / ((wanted - wanted.mean(0)) * weight).square().mean())
