"""``inst export``: a style in the form that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from inst.commands.common.claims import Claims
from inst.commands.common.progress import say
from inst.commands.diffusion.options import ExportOptions
from inst.commands.diffusion.styles import STYLES
from inst.errors import InputError
from inst.names import safe_name
from inst.pipelines.styles import find_style, missing_style, read_style


def export(options: ExportOptions) -> int:
    """``inst export``.

    Returns:
        The exit code.

    Raises:
        InputError: no style, or an output that is there already.
    """
    if not options.style:
        raise InputError("no style was given: inst export styles/x.safetensors")
    path = find_style(options.style, [STYLES])
    if path is None:
        raise missing_style(options.style, [STYLES])
    style = read_style(path)
    name = safe_name(options.token or style.name)
    ending = "embedding" if options.form == "shared" else "learned_embeds"
    folder = path.parent if path == Path(options.style) else Path()
    default = folder / f"{name}.{ending}.safetensors"
    form = cast(Literal["shared", "diffusers"], options.form)
    with Claims([path], overwrite=options.overwrite) as claims:
        output = claims.exact(default if options.output is None else Path(options.output))
        style.rename(name).export(output, form=form)
    if form == "shared":
        say(
            f"{output}: in AUTOMATIC1111, ComfyUI, InvokeAI and kohya its file name, {output.stem}, is the trigger word"
        )
    else:
        say(f"{output}: pipe.load_textual_inversion(file), then <{name}> in a prompt")
    return 0
