"""``inst generate``: pictures from a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from inst.commands.common.claims import Claims
from inst.commands.common.outputs import plan_numbered
from inst.commands.common.progress import bar, say
from inst.commands.diffusion.open import open_session
from inst.commands.diffusion.options import GenerateOptions
from inst.commands.diffusion.picture_record import generated_record, texts
from inst.commands.diffusion.styles import StyleSpec, parse_spec, use_styles
from inst.errors import ConfigError
from inst.image import write_image
from inst.names import safe_name
from inst.options import values_of
from inst.pipelines.text_to_image import TextToImage, check_named
from inst.placeholders import placeholders
from inst.transfer.settings import GenerateSettings


def generate(options: GenerateOptions) -> int:
    """``inst generate``.

    Returns:
        The exit code.

    Raises:
        ConfigError: no prompt.
        TokenError: prompt and styles do not match.
    """
    specs = [parse_spec(text) for text in options.style]
    if not options.prompt:
        raise ConfigError('no prompt was given: inst generate "a house in the style of [C]"')
    named = placeholders(options.prompt)
    check_named(options.prompt, specs)
    with Claims((spec.path for spec in specs), overwrite=options.overwrite) as claims:
        return _generate(options, specs if named else None, claims)


def _generate(options: GenerateOptions, specs: Sequence[StyleSpec] | None, claims: Claims) -> int:
    """Make the pictures; without ``specs`` from a prompt that has no placeholder."""
    assert options.prompt
    stem = safe_name(options.prompt)[:60]
    names = (f"{stem}-{options.seed + i}" for i in range(options.num_images))
    outputs = plan_numbered(options.num_images, options, names, claims)
    session = open_session(options)
    styles = [] if specs is None else use_styles(session, specs, options)
    values = values_of(options, GenerateSettings)
    maker = TextToImage(values.pop("prompt"), styles, session, **values)
    with bar(maker.total_steps, "making pictures") as progress:
        done = 0
        for step in maker.steps():
            progress.update()
            for picture in step.tensor.split(1) if step.tensor is not None else ():
                record = generated_record(maker, picture, maker.settings.seed + done)
                write_image(outputs[done], picture, text=texts(record) if options.metadata else None)
                done += 1
    for path in outputs:
        say(str(path))
    return 0
