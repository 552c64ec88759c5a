"""The commands' work: where command line, YAML files and tests meet. Each returns an exit code."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from inst.errors import InputError, InstError, MissingExtraError, TokenError
from inst.files import sniff
from inst.image import from_pil, list_images, read_image, read_image_text, resize, side_by_side, write_image
from inst.inversion.dialects import write_diffusers, write_shared
from inst.inversion.settings import InversionSettings
from inst.inversion.token import architecture, today
from inst.runs.bars import bar, say, warn, watch
from inst.runs.distributed import asked_processes, share
from inst.runs.learn import Learned, LearnOptions, learn, state_path
from inst.runs.outputs import claim, safe_name
from inst.runs.photos import demo_photo
from inst.runs.pictures import UsedStyle, compose, generate_pictures, learn_once, photo_settings, stylize_photos
from inst.runs.record import from_json
from inst.runs.settings import ExportRun, GenerateRun, ModelOptions, StylizeRun, TrainRun
from inst.runs.studio import Studio
from inst.runs.styles import PICTURES, STYLES, is_painting, read_style
from inst.stylize.photo import stylize as stylize_photo
from inst.stylize.prompts import PLACEHOLDER
from inst.training import stopping

# inst train


def train(run: TrainRun) -> int:
    """``inst train``: one style for each painting.

    Everything that can be wrong with the input is found before a model is loaded or a process group is formed.
    """
    plan = plan_training(run)
    studio = Studio(run)
    accelerator = _accelerator(run, studio)
    asked = asked_processes()
    if asked is not None and asked > accelerator.num_processes and accelerator.is_main_process:
        warn(
            f"{asked} processes were asked for and {accelerator.num_processes} runs: on a CPU, start several with "
            f"torchrun --nproc_per_node {asked} train_inversion.py …"
        )
    mine = share(plan, accelerator.process_index, accelerator.num_processes)
    settings = _inversion_settings(run)
    failures: dict[str, str] = {}
    with stopping() as stop:
        for position, (path, output) in enumerate(mine):
            try:
                picture = read_image(path, max_megapixels=run.max_megapixels)
                options = LearnOptions(
                    resume=run.resume,
                    preview=run.preview,
                    quiet=not accelerator.is_main_process,
                    log=_logger(run, accelerator, path, position),
                )
                learned = learn(studio, picture, settings, output, accelerator=accelerator, stop=stop, options=options)
                _tell(learned)
            except InstError as error:
                if len(plan) == 1:
                    raise
                failures[path.name] = str(error)
                warn(str(error))
            if stop.asked:
                break
    if run.report_to != "none":
        accelerator.end_training()
    if failures:
        raise InputError(f"{len(failures)} of {len(plan)} paintings could not be learned: {', '.join(failures)}")
    return stop.exit_code


def plan_training(run: TrainRun) -> list[tuple[Path, Path]]:
    """Each painting and the style file it becomes.

    Raises:
        InputError: no painting, one that cannot be read, or a style that is there already.
    """
    paintings = _paintings(run)
    if run.output is not None and Path(run.output).suffix == ".safetensors":
        if len(paintings) > 1:
            raise InputError(
                f"--output {run.output} is one file and --style has {len(paintings)} paintings: give a folder"
            )
        return [(paintings[0], _claim_style(Path(run.output), run))]
    if run.output is not None and Path(run.output).suffix:
        raise InputError(f"--output {run.output}: give a file ending in .safetensors, or a folder")
    folder = STYLES if run.output is None else Path(run.output)
    plan: dict[Path, Path] = {}
    for path in paintings:
        output = folder / f"{safe_name(path.stem)}.safetensors"
        if output in plan.values():
            raise InputError(f"two paintings would both become {output}: rename one of them, or learn them one by one")
        plan[path] = _claim_style(output, run)
    return list(plan.items())


def _claim_style(output: Path, run: TrainRun) -> Path:
    # A stopped run has left the style as far as it was learned; continuing it is no overwriting.
    return claim(output, run.overwrite or (run.resume and state_path(output).is_file()))


def _paintings(run: TrainRun) -> list[Path]:
    found: list[Path] = []
    for text in run.style:
        path = Path(text)
        if path.is_dir():
            found += list_images(path)
        else:
            read_image(path, max_megapixels=run.max_megapixels)
            found.append(path)
    if not found:
        raise InputError("no painting was given: --style painting.jpg (or a folder of paintings)")
    return found


def _accelerator(run: TrainRun, studio: Studio) -> Accelerator:
    if run.report_to == "none":
        return Accelerator(cpu=studio.placement.device.type == "cpu")
    from accelerate.utils import is_tensorboard_available, is_wandb_available

    there = {"tensorboard": is_tensorboard_available, "wandb": is_wandb_available}
    if not there[run.report_to]():
        raise MissingExtraError(run.report_to, run.report_to, f"--report-to {run.report_to}")
    folder = STYLES if run.output is None else Path(run.output)
    folder = folder.parent if folder.suffix else folder
    accelerator = Accelerator(
        cpu=studio.placement.device.type == "cpu", log_with=run.report_to, project_dir=str(folder / "logs")
    )
    accelerator.init_trackers("inst")
    return accelerator


def _logger(run: TrainRun, accelerator: Accelerator, path: Path, position: int) -> Any:
    if run.report_to == "none":
        return None
    return lambda losses, step: accelerator.log({f"{path.stem}/{k}": v for k, v in losses.items()}, step=step)


def _inversion_settings(run: TrainRun) -> InversionSettings:
    return InversionSettings(**{field.name: getattr(run, field.name) for field in fields(InversionSettings)})


def _tell(learned: Learned) -> None:
    before, after = learned.validation
    say(
        f"{'stopped; what was learned is in' if learned.stopped else 'learned'} {learned.path}: "
        f"{learned.steps} steps in "
        f"{learned.seconds:.0f} s, validation loss {before:.4f} -> {after:.4f}"
        + (" (--resume continues)" if learned.stopped else "")
    )


# inst stylize, inst generate


def stylize(run: StylizeRun) -> int:
    """``inst stylize``."""
    return stylize_photos(_from_image(run))


def generate(run: GenerateRun) -> int:
    """``inst generate``."""
    return generate_pictures(_from_image(run))


def _from_image(run: Any) -> Any:
    """The run with the settings that a picture made before carries; what was given beside them wins."""
    if run.from_image is None:
        return run
    text = read_image_text(Path(run.from_image)).get("inst")
    if text is None:
        raise InputError(f"--from-image {run.from_image} carries no settings of inst: give a picture that inst made")
    record = from_json(text)
    if record.model != "mini" and run.model == "mini":
        warn(f"{run.from_image} was made with {record.model}: --model names it; now the miniature is used")
    made: dict[str, Any] = {
        "prompt": record.prompt,
        "negative_prompt": record.negative_prompt,
        "num_steps": record.steps,
        "guidance_scale": record.cfg_scale,
        "seed": record.seed,
        "strength": record.strength,
        "width": record.width,
        "height": record.height,
        "style": tuple(_find_style(row) for row in record.settings.get("styles", [])),
    }
    made |= {name: record.settings.get(name) for name in ("sampler", "tone", "keep_colors", "inversion", "resolution")}
    plain = type(run)()
    known = {field.name for field in fields(run)}
    return replace(
        run,
        **{
            name: value
            for name, value in made.items()
            if name in known and value is not None and getattr(run, name) == getattr(plain, name)
        },
    )


def _find_style(row: dict[str, Any]) -> str:
    """The file in styles/ whose vectors a picture was made with."""
    from inst import assets

    for path in [*STYLES.glob("*.safetensors"), *(assets.mini_folder() / "styles").glob("*.safetensors")]:
        try:
            if read_style(path).hash == row["hash"]:
                name = "" if row["placeholder"] == PLACEHOLDER else row["placeholder"].strip("[]") + "="
                return f"{name}{path}:{row['weight']}"
        except InstError:
            continue
    raise TokenError(f"the style {row['name']} of that picture is not in {STYLES}/: give it with --style")


# inst export, inst info, inst models, inst demo


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
        metadata = {
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": architecture(token.vectors.shape[1]),
            "modelspec.title": name,
            "modelspec.trigger_phrase": output.stem,
            "modelspec.date": str(token.facts.get("date", today())),
        }
        write_shared(output, token.vectors, metadata)
        say(
            f"{output}: in AUTOMATIC1111, ComfyUI, InvokeAI and kohya its file name, {output.stem}, is the trigger word"
        )
    else:
        write_diffusers(output, f"<{name}>", token.vectors)
        say(f"{output}: pipe.load_textual_inversion(file), then <{name}> in a prompt")
    return 0


def info(file: Path) -> int:
    """``inst info``: what a style file or a picture holds."""
    if not file.is_file():
        raise InputError(f"{file} does not exist: give a style file or a picture made by inst")
    if sniff(file) in PICTURES and is_painting(file):
        return _picture_info(file)
    token = read_style(file) if sniff(file) == "safetensors" else None
    if token is None:
        from inst.inversion.dialects import read_foreign

        foreign = read_foreign(file)
        say(f"{file}\n  form: {foreign.dialect}\n  name: {foreign.name}")
        if foreign.vectors is not None:
            say(f"  vectors: {foreign.vectors.shape[0]} of width {foreign.vectors.shape[1]}")
        else:
            say("  holds an inversion module: needs its painting (--style-image)")
        return 0
    rows: dict[str, Any] = {
        "name": token.name,
        "vectors": f"{token.vectors.shape[0]} of width {token.vectors.shape[1]}",
    }
    rows |= {key: value for key, value in token.facts.items() if key != "settings"}
    rows["module"] = f"{sum(v.numel() for v in token.module.values()):,} parameters" if token.module else "none"
    rows["hash"] = token.hash[:16]
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in rows.items())]))
    return 0


def _picture_info(file: Path) -> int:
    text = read_image_text(file)
    if not text:
        raise InputError(f"{file} carries no settings: it was not made by inst, or with --no-metadata")
    say("\n".join([str(file), *(f"  {key}: {value}" for key, value in text.items())]))
    return 0


def models() -> int:
    """``inst models``: a line for each name."""
    from inst.models.source import embedded_faces, known_models

    for row in (*known_models(), embedded_faces()):
        say(f"{row.name:10} {'here' if row.is_here else 'not here':9} {row.needs}")
    say("any other: a hub id, a diffusers folder, or one .safetensors or .ckpt file in Stable Diffusion's layout")
    say("faces (--generator): rosinality's .pt, NVIDIA's StyleGAN2-ADA .pkl, or inst's .safetensors")
    return 0


def demo(output: Path, style: Path | None, content: Path | None) -> int:
    """``inst demo``: photo, painting and result, side by side."""
    warnings.simplefilter("ignore")
    studio = Studio(ModelOptions())
    painting = read_image(style or _demo_painting())
    resolution = studio.model.defaults.resolution
    photo = from_pil(demo_photo(resolution)) if content is None else read_image(content).image
    token = learn_once(studio, painting)
    run = StylizeRun()
    used = UsedStyle(token, PLACEHOLDER, 1.0, painting)
    settings = photo_settings(studio, run)
    with bar(int(settings.strength * settings.num_steps) + 1, "stylizing") as progress:
        result = watch(stylize_photo(studio.model, photo, compose(studio, [used], run), settings), progress)
    height = photo.shape[2]
    beside = resize(painting.image, height, round(painting.image.shape[3] * height / painting.image.shape[2]))
    write_image(output, side_by_side([photo, beside, result]))
    say(f"{output}: the photo, the painting, and the photo in the painting's manner")
    return 0


def _demo_painting() -> Path:
    painting = Path("style_images/night.jpg")
    if not painting.is_file():
        raise InputError(
            "the demo's painting is not here: run it in the project's folder, or give --style painting.jpg"
        )
    return painting
