"""``inst train``: what is to be learned is planned and checked, then one painting after the other."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from inst.commands.common.outputs import claim, safe_name
from inst.commands.common.progress import say, warn
from inst.commands.diffusion.learn import Learned, LearnOptions, learn, state_path
from inst.commands.diffusion.open import open_session
from inst.commands.diffusion.options import TrainRun
from inst.commands.diffusion.styles import STYLES
from inst.errors import InputError, InstError, MissingExtraError
from inst.image import list_images, read_image
from inst.inversion.settings import InversionSettings
from inst.pipelines.session import Session
from inst.training.shared import stopping
from inst.training.workers import part_at_exit, share, warn_of_fewer


def train(run: TrainRun) -> int:
    """``inst train``: one style for each painting.

    Everything that can be wrong with the input is found before a model is loaded or a process group is formed.
    """
    plan = plan_training(run)
    session = open_session(run)
    accelerator = _accelerator(run, session)
    part_at_exit()
    warn_of_fewer(accelerator.num_processes, "train_inversion.py", is_main=accelerator.is_main_process)
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
                learned = learn(session, picture, settings, output, accelerator=accelerator, stop=stop, options=options)
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


def _accelerator(run: TrainRun, session: Session) -> Accelerator:
    if run.report_to == "none":
        return Accelerator(cpu=session.placement.device.type == "cpu")
    from accelerate.utils import is_tensorboard_available, is_wandb_available

    there = {"tensorboard": is_tensorboard_available, "wandb": is_wandb_available}
    if not there[run.report_to]():
        raise MissingExtraError(run.report_to, run.report_to, f"--report-to {run.report_to}")
    folder = STYLES if run.output is None else Path(run.output)
    folder = folder.parent if folder.suffix else folder
    accelerator = Accelerator(
        cpu=session.placement.device.type == "cpu", log_with=run.report_to, project_dir=str(folder / "logs")
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
