"""``inst train``: the input is checked, then one painting is learned after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from inst.commands.common.claims import check_output
from inst.commands.common.progress import say, warn
from inst.commands.common.unfinished import Unfinished
from inst.commands.diffusion.learn_file import Learned, learn_to_file
from inst.commands.diffusion.open import open_session
from inst.commands.diffusion.options import TrainOptions
from inst.commands.diffusion.styles import STYLES
from inst.errors import InputError, InstError, MissingExtraError
from inst.files.names import folded, is_folder, safe_name
from inst.image import list_images, read_image
from inst.inversion.settings import InversionSettings
from inst.options import values_of
from inst.pipelines.session import Session
from inst.placement import Placement
from inst.training.signals import StopRequest, stop_on_signals
from inst.training.workers import Workers

if TYPE_CHECKING:
    from accelerate import Accelerator

Log = Callable[[Mapping[str, float], int], None]


def train(options: TrainOptions) -> int:
    """``inst train``: one style for each painting. Returns the exit code.

    Whatever can be wrong with the input is found before a model is loaded or the processes of a run connect.
    """
    plan = plan_training(options)
    session = open_session(options)
    tracker = _Tracker(options.report_to)
    workers = Workers.join(session.placement, "train_inversion.py")
    tracker.start(session.placement, STYLES if options.output is None else Path(options.output))
    failures: dict[str, str] = {}
    with stop_on_signals() as stop:
        for path, output in workers.share(plan):
            try:
                learned = _learn(
                    options, session, path, output, stop, quiet=not workers.is_main, log=tracker.log_of(path)
                )
                say(_summary(learned))
            except InstError as error:
                if len(plan) == 1:
                    raise
                failures[path.name] = str(error)
                warn(str(error))
            if stop.asked:
                break
    tracker.end()
    if failures:
        raise InputError(f"{len(failures)} of {len(plan)} paintings could not be learned: {', '.join(failures)}")
    return stop.exit_code


def _learn(
    options: TrainOptions, session: Session, path: Path, output: Path, stop: StopRequest, *, quiet: bool, log: Log
) -> Learned:
    picture = read_image(path, max_megapixels=options.max_megapixels)
    return learn_to_file(
        session,
        picture,
        InversionSettings(**values_of(options, InversionSettings)),
        output,
        stop=stop,
        resume=options.resume,
        preview=options.preview,
        quiet=quiet,
        log=log,
    )


def plan_training(options: TrainOptions) -> list[tuple[Path, Path]]:
    """Each painting and the style file it becomes.

    Raises:
        InputError: no painting, one that cannot be read, or a style that is there already.
    """
    paintings = _paintings(options)
    if options.output is not None and Path(options.output).suffix == ".safetensors":
        if len(paintings) > 1:
            raise InputError(
                f"--output {options.output} is one file and --style has {len(paintings)} paintings: give a folder"
            )
        return [(paintings[0], _check_style(Path(options.output), options))]
    if options.output is not None and Path(options.output).suffix:
        raise InputError(f"--output {options.output}: give a file ending in .safetensors, or a folder")
    folder = STYLES if options.output is None else Path(options.output)
    plan: dict[str, tuple[Path, Path]] = {}
    for path in paintings:
        output = folder / f"{safe_name(path.stem)}.safetensors"
        if folded(output.name) in plan:
            other = plan[folded(output.name)][0]
            raise InputError(
                f"{other} and {path} would both become {output}: rename one of them, or learn them one by one"
            )
        plan[folded(output.name)] = path, _check_style(output, options)
    return list(plan.values())


def _check_style(output: Path, options: TrainOptions) -> Path:
    # A stopped run has written the style as far as it was learned; --resume may replace that one.
    replace = options.resume and Unfinished(output).state.is_file()
    return check_output(output, options.style, overwrite=options.overwrite, replace=replace)


def _paintings(options: TrainOptions) -> list[Path]:
    found: list[Path] = []
    for text in options.style:
        path = Path(text)
        if is_folder(path):
            found += list_images(path)
        else:
            read_image(path, max_megapixels=options.max_megapixels)
            found.append(path)
    if not found:
        raise InputError("no painting was given: --style painting.jpg (or a folder of paintings)")
    return found


class _Tracker:
    """Sends losses to TensorBoard or Weights & Biases.

    Args:
        name: ``tensorboard``, ``wandb``, or ``none`` for neither.

    Raises:
        MissingExtraError: the tracker's package is not installed.
    """

    def __init__(self, name: str) -> None:
        from accelerate.utils import is_tensorboard_available, is_wandb_available

        installed = {"none": lambda: True, "tensorboard": is_tensorboard_available, "wandb": is_wandb_available}
        if not installed[name]():
            raise MissingExtraError(name, name, f"--report-to {name}")
        self.name = name
        self._accelerator: Accelerator | None = None

    def start(self, placement: Placement, output: Path) -> None:
        """Open the tracker, its files in the folder ``logs`` beside the output."""
        if self.name == "none":
            return
        from accelerate import Accelerator

        folder = output.parent if output.suffix else output
        cpu = placement.device.type == "cpu"
        self._accelerator = Accelerator(cpu=cpu, log_with=self.name, project_dir=str(folder / "logs"))
        self._accelerator.init_trackers("inst")

    def log_of(self, painting: Path) -> Log:
        """A function that sends the named losses of a step under the painting's name."""
        if (accelerator := self._accelerator) is None:
            return lambda losses, step: None
        return lambda losses, step: accelerator.log({f"{painting.stem}/{k}": v for k, v in losses.items()}, step=step)

    def end(self) -> None:
        """Flush what was sent."""
        if self._accelerator is not None:
            self._accelerator.end_training()


def _summary(learned: Learned) -> str:
    last = learned.last
    return (
        f"{'stopped; what was learned is in' if learned.stopped else 'learned'} {learned.path}: {last.step} steps in "
        f"{learned.seconds:.0f} s, validation loss {last.history[0][1]:.4f} -> {last.best_loss:.4f}"
        + (" (--resume continues)" if learned.stopped else "")
    )
