"""``inst export``: a style in the form other tools read."""

from __future__ import annotations

from pathlib import Path

from inst.commands.common.outputs import claim, safe_name
from inst.commands.common.progress import say
from inst.commands.diffusion.options import ExportRun
from inst.commands.diffusion.styles import read_style
from inst.errors import InputError
from inst.inversion.dialects import write_diffusers, write_shared
from inst.inversion.token import architecture, today


def export(run: ExportRun) -> int:
    """``inst export``: a style in the form other tools read."""
    if not run.style:
        raise InputError("no style was given: inst export --style styles/x.safetensors")
    path = Path(run.style)
    if not path.is_file():
        raise InputError(f"--style {path} does not exist: give a style token file")
    token = read_style(path)
    name = safe_name(run.token or token.name)
    default = path.with_name(f"{name}.{'embedding' if run.form == 'shared' else 'learned_embeds'}.safetensors")
    output = claim(default if run.output is None else Path(run.output), run.overwrite)
    if run.form == "shared":
        header = {
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": architecture(token.vectors.shape[1]),
            "modelspec.title": name,
            "modelspec.trigger_phrase": output.stem,
            "modelspec.date": str(token.metadata.get("date", today())),
        }
        write_shared(output, token.vectors, header)
        say(
            f"{output}: in AUTOMATIC1111, ComfyUI, InvokeAI and kohya its file name, {output.stem}, is the trigger word"
        )
    else:
        write_diffusers(output, f"<{name}>", token.vectors)
        say(f"{output}: pipe.load_textual_inversion(file), then <{name}> in a prompt")
    return 0
