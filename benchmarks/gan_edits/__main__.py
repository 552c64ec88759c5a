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
from pathlib import Path

import torch
from inst.commands.faces.edit_options import with_prepared

from benchmarks.common.machine import describe_machine
from benchmarks.common.tables import write_results
from benchmarks.gan_edits.cache import MeasurementCache
from benchmarks.gan_edits.cases import BY_NAME
from benchmarks.gan_edits.classifier import classifier_in, dataset_in
from benchmarks.gan_edits.report import report
from benchmarks.gan_edits.runner import CONTROLS, METHODS, EditRunner
from benchmarks.gan_edits.scores import MIN_ACCURACY
from benchmarks.gan_edits.sheets import write_sheets
from benchmarks.gan_edits.trial import Trial
from benchmarks.gan_edits.upper_bound import BASELINES
from inst.commands.common.unfinished import identity_of
from inst.commands.faces.options import EditRun, MapperRun
from inst.errors import InstError
from inst.files import sha256
from inst.gan.editor import clip_probe
from inst.pipelines.faces.embedded import PREPARED, find_file
from miniature.common.training import Budget


def make_trial(arguments: argparse.Namespace) -> Trial:
    """Raises:
    InstError: a network or file is missing or does not match the others.
    """
    networks = {name: getattr(arguments, name) for name in ("generator", "clip", "identity", "device", "dtype")}
    files = {name: getattr(arguments, name) for name in ("directions", "ffclip")}
    run = EditRun(**networks, **files, neutral="a face")
    mapper_options = MapperRun(
        **networks, max_train_steps=arguments.mapper_steps, batch_size=arguments.mapper_batch,
        validation_steps=max(1, arguments.mapper_steps // 4),
    )  # fmt: skip
    runner = EditRunner(run, arguments.mappers, mapper_options, arguments.batch)
    classifier = classifier_in(arguments.attributes, Budget(minutes=10), arguments.state)
    dataset = dataset_in(arguments.attributes, arguments.state)
    return Trial(runner, classifier, dataset, arguments.count, arguments.min_accuracy, arguments.fitted_samples)


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
    runner, session = trial.runner, trial.runner.session
    files = [find_file(getattr(with_prepared(runner.run, name), name), name) for name in PREPARED]
    prepared = [sha256(file) for file in files if file]
    networks = session.fingerprint, clip_probe(session.clip), runner.run.identity
    # identity_of leaves out the number of steps, since a training may be continued with more of them.
    mappers = identity_of(runner.mapper_options), runner.mapper_options.max_train_steps
    return identity_of(runner.run, *networks, *mappers, *prepared, trial.evaluated, trial.codes, *trial.before.values())


def _settings(arguments: argparse.Namespace, trial: Trial) -> list[str]:
    run, session = trial.runner.run, trial.runner.session
    alpha, beta = ("automatic" if value is None else f"{value:g}" for value in (run.alpha, run.beta))
    settings = [
        f"{arguments.count} randomly sampled avatars, truncation {run.truncation:g}, batch size {trial.runner.batch}; "
        f"generator {session.generator_name}, CLIP {session.clip_name}; neutral text {run.neutral!r}, alpha {alpha}, "
        f"beta {beta}; {run.steps} optimisation steps; strength {run.strength:g}; mappers trained for "
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
