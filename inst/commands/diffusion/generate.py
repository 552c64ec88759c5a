"""``inst generate``: pictures from a prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from inst.commands.common.outputs import plan_numbered, safe_name
from inst.commands.common.progress import bar, say, watch
from inst.commands.diffusion.options import GenerateRun
from inst.commands.diffusion.picture_record import make_record, texts
from inst.commands.diffusion.styles import parse_spec
from inst.commands.diffusion.used_styles import UsedStyle, use_styles
from inst.errors import ConfigError, TokenError
from inst.image import write_image
from inst.pipelines.compose import compose, transport_share
from inst.pipelines.session import Session
from inst.shapes import Image
from inst.stylize.prompts import placeholders
from inst.stylize.text_to_image import generate


def generate_pictures(run: GenerateRun) -> int:
    """``inst generate``: pictures from a prompt."""
    specs = [parse_spec(text) for text in run.style]
    if not run.prompt:
        raise ConfigError('no prompt was given: --prompt "a house in the style of [C]"')
    named = placeholders(run.prompt)
    if not named and specs:
        raise TokenError(
            f'the prompt "{run.prompt}" does not hold {specs[0].placeholder}: put it where the style belongs'
        )
    outputs = _plan_generated(run)
    session = Session(run)
    styles = use_styles(session, specs, run, None) if named else []
    style = compose(session, styles, run)
    defaults = session.model.defaults
    num_steps = run.num_steps or defaults.num_steps
    guidance = defaults.guidance_scale if run.guidance_scale is None else run.guidance_scale
    transport = transport_share(session, run)
    height, width = run.height or defaults.resolution, run.width or defaults.resolution
    batches = math.ceil(run.num_images / run.batch_size)
    with bar(batches * (num_steps + 1), "making pictures") as progress:
        for first in range(0, run.num_images, run.batch_size):
            batch = min(run.batch_size, run.num_images - first)
            steps = generate(
                session.model,
                style,
                height=height,
                width=width,
                batch=batch,
                seed=run.seed + first,
                num_steps=num_steps,
                guidance_scale=guidance,
                sampler=run.sampler,
                transport=transport,
            )
            pictures = watch(steps, progress)
            _write_generated(session, run, styles, pictures, outputs[first : first + batch], first, num_steps, guidance)
    for path in outputs:
        say(str(path))
    return 0


def _plan_generated(run: GenerateRun) -> list[Path]:
    assert run.prompt is not None
    stem = safe_name(run.prompt)[:60]
    return plan_numbered(run.num_images, run, (f"{stem}-{run.seed + i}" for i in range(run.num_images)))


def _write_generated(
    session: Session,
    run: GenerateRun,
    styles: Sequence[UsedStyle],
    pictures: Image,
    outputs: Sequence[Path],
    first: int,
    num_steps: int,
    guidance: float,
) -> None:
    for i, path in enumerate(outputs):
        picture = pictures[i : i + 1]
        seed = run.seed + first + i
        record = make_record(
            session, run, styles, picture,
            seed=seed, num_steps=num_steps, guidance_scale=guidance,
            settings={"transport": transport_share(session, run)},
        )  # fmt: skip
        write_image(path, picture, text=texts(record) if run.metadata else None)
