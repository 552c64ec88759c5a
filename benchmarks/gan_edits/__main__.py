"""How well do the four methods make the requested edits and preserve everything else?

An attribute classifier (`benchmarks.gan_edits.classifier`) trained on drawings evaluates the edits; the CLIP that
drives them is not involved. The edits themselves use the default settings; a mapper is trained for each text and kept.

    python -m benchmarks.gan_edits --attributes FOLDER --output benchmarks/results/gan-edits.md --sheets FOLDER
    python -m benchmarks.gan_edits --attributes FOLDER --methods directions --tune --count 30
    python -m benchmarks.gan_edits … --generator G.safetensors --clip local-dir:CLIP --directions FILE --ffclip FILE
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.common.machine import describe_machine
from benchmarks.common.tables import write_results
from benchmarks.gan_edits.cache import MeasurementCache
from benchmarks.gan_edits.cases import BY_NAME
from benchmarks.gan_edits.classifier import classifier_in, dataset_in
from benchmarks.gan_edits.report import report
from benchmarks.gan_edits.runner import CONTROLS, METHODS, TRUNCATION, EditRunner
from benchmarks.gan_edits.scores import MIN_ACCURACY
from benchmarks.gan_edits.sheets import write_sheets
from benchmarks.gan_edits.trial import Trial
from benchmarks.gan_edits.upper_bound import BASELINES
from inst import EditSettings, InputError, InstError, MapperTrainingSettings, load_generator
from inst.assets import AVATAR_FILES, AVATARS, avatars_folder
from inst.files import sha256
from inst.gan.styleclip.directions import ALPHA
from inst.training.checkpoint import identity_of
from miniature.common.training import Budget

PREPARED = ("directions", "ffclip")
"""Methods whose network is read from a file."""


def make_trial(arguments: argparse.Namespace) -> Trial:
    """Raises:
    InstError: a network or file is missing or does not match the others.
    """
    networks = {name: getattr(arguments, name) for name in ("generator", "clip", "identity", "device", "dtype")}
    session = load_generator(**networks)
    files = {name: _prepared_file(name, getattr(arguments, name), session.files.embedded) for name in PREPARED}
    # None chooses alpha for each face, which is the default for the embedded generator only
    settings = EditSettings(**files, neutral="a face", alpha=None if session.files.embedded else ALPHA)
    mapper_settings = MapperTrainingSettings(
        max_train_steps=arguments.mapper_steps, batch_size=arguments.mapper_batch,
        validation_steps=max(1, arguments.mapper_steps // 4),
    )  # fmt: skip
    runner = EditRunner(session, settings, arguments.mappers, mapper_settings, arguments.batch)
    classifier = classifier_in(arguments.attributes, Budget(minutes=10), arguments.state)
    dataset = dataset_in(arguments.attributes, arguments.state)
    return Trial(runner, classifier, dataset, arguments.count, arguments.min_accuracy, arguments.fitted_samples)


def _prepared_file(name: str, file: str | None, embedded: bool) -> str | None:
    """The file of a method of `PREPARED`; unless given, the embedded generator's."""
    if file == AVATARS or (file is None and embedded):
        return str(avatars_folder() / AVATAR_FILES[name])
    if file is not None and not Path(file).is_file():
        raise InputError(f"--{name} {file} does not exist: give a file")
    return file


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    try:
        _measure(arguments)
    except InstError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


def _measure(arguments: argparse.Namespace) -> None:
    cases = [BY_NAME[name] for name in arguments.only]
    trial = make_trial(arguments)
    if arguments.tune:
        print("\n\n".join([trial.tune(method, cases) for method in arguments.methods]))
        return
    baselines = BASELINES if "directions" in arguments.methods else CONTROLS[:1]
    cache = MeasurementCache(arguments.measurements, _identity(trial), arguments.resume)
    sheets = trial.run([*baselines, *arguments.methods], cases, pairs=arguments.pairs, cache=cache)
    machine = describe_machine(trial.runner.session.placement.device, torch.get_num_threads())
    text = report(trial.results, _settings(arguments, trial), trial.evaluated, machine)
    print(f"\n{text}")
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, **trial.results.metadata()})
    if arguments.sheets:
        write_sheets(arguments.sheets, sheets)


def _identity(trial: Trial) -> str:
    """Hash of everything that a measurement depends on: settings, networks, prepared files, avatars, predictions."""
    runner = trial.runner
    edit = asdict(runner.settings)
    files = [edit.pop(name) for name in PREPARED]
    prepared = [file and sha256(Path(file)) for file in files]
    settings = {"edit": edit, "mapper": asdict(runner.mapper_settings)}
    return identity_of(settings, *runner.networks, *prepared, trial.evaluated, trial.codes, *trial.before.values())


def _settings(arguments: argparse.Namespace, trial: Trial) -> list[str]:
    edit, session = trial.runner.settings, trial.runner.session
    alpha, beta = ("automatic" if value is None else f"{value:g}" for value in (edit.alpha, edit.beta))
    settings = [
        f"{arguments.count} randomly sampled avatars, truncation {TRUNCATION:g}, batch size {trial.runner.batch}; "
        f"generator {session.generator_name}, CLIP {session.clip_name}; neutral text {edit.neutral!r}, alpha {alpha}, "
        f"beta {beta}; {edit.steps} optimisation steps; strength {edit.strength:g}; mappers trained for "
        f"{arguments.mapper_steps} steps with batch size {arguments.mapper_batch}."
    ]
    return [arguments.note, *settings] if arguments.note else settings


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    names = list(BY_NAME)
    parser.add_argument("--count", type=int, default=100, help="number of randomly sampled avatars")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="EDIT", help=", ".join(names))
    parser.add_argument("--generator", default="avatars")
    parser.add_argument("--clip", default="auto")
    parser.add_argument("--identity", help="identity network; none for no identity loss")
    parser.add_argument("--directions", help="file of inst directions prepare (default: the embedded generator's)")
    parser.add_argument("--ffclip", help="file of inst ffclip train (default: the embedded generator's)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument(
        "--attributes", type=Path, default=Path("outputs/avatar-attributes"), help="folder of the classifier"
    )
    parser.add_argument("--state", type=Path, help="avatars it is trained on (default: drawn into that folder)")
    parser.add_argument(
        "--min-accuracy", type=float, default=MIN_ACCURACY, help="attributes with a lower accuracy are not evaluated"
    )
    parser.add_argument(
        "--fitted-samples", type=int, default=6000, help="avatars that the upper bound's directions are fitted to"
    )
    parser.add_argument("--mappers", type=Path, default=Path("outputs/gan-edits-mappers"), help="trained mappers")
    parser.add_argument("--mapper-steps", type=int, default=1200, help="training steps of each mapper")
    parser.add_argument("--mapper-batch", type=int, default=4)
    parser.add_argument("--batch", type=int, default=25, help="batch size")
    parser.add_argument(
        "--pairs", action=argparse.BooleanOptionalAction, default=True, help="texts with two attributes"
    )
    parser.add_argument("--tune", action="store_true", help="print means over a sweep of settings instead")
    parser.add_argument(
        "--measurements", type=Path, default=Path("outputs/gan-edits-measured"), help="folder of single measurements"
    )
    parser.add_argument("--resume", action="store_true", help="use measurements that are there already")
    parser.add_argument("--note", default="", help="text above the tables")
    parser.add_argument("--output", type=Path, help="Markdown file to write; .json is written beside it")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    arguments = parser.parse_args(argv)
    if arguments.count < 1 or arguments.batch < 1:
        parser.error("--count and --batch must be at least 1")
    return arguments


if __name__ == "__main__":
    main()
