"""Do the four methods make the edits that are asked for, and leave the rest? Judged by a classifier of attributes.

The classifier (`benchmarks.gan_edits.attributes`) was trained on drawings; the CLIP that drives the edits has no
part in it. Everything else is the product's, with its defaults; a mapper is trained for each text and kept.

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

from benchmarks.common.machine import describe_machine
from benchmarks.common.tables import write_results
from benchmarks.gan_edits.attributes import crowd_in, reader_in
from benchmarks.gan_edits.counts import WELL_READ
from benchmarks.gan_edits.editing import CONTROLS, METHODS, Editing
from benchmarks.gan_edits.fitted import BESIDE
from benchmarks.gan_edits.report import report
from benchmarks.gan_edits.saved import Kept
from benchmarks.gan_edits.sheets import write_sheets
from benchmarks.gan_edits.texts import BY_NAME
from benchmarks.gan_edits.trial import Trial
from inst.commands.common.unfinished import identity_of
from inst.commands.faces.edit_options import with_prepared
from inst.commands.faces.options import EditRun, MapperRun
from inst.errors import InstError
from inst.files import sha256
from inst.gan.editor import clip_probe
from inst.pipelines.faces.embedded import PREPARED, find_file
from miniature.common.training import Budget


def trial_of(arguments: argparse.Namespace) -> Trial:
    """Raises:
    InstError: a network or file that is not there, or that does not fit the others.
    """
    networks = {name: getattr(arguments, name) for name in ("generator", "clip", "identity", "device", "dtype")}
    files = {name: getattr(arguments, name) for name in ("directions", "ffclip")}
    run = EditRun(**networks, **files, neutral="a face")
    lesson = MapperRun(
        **networks, max_train_steps=arguments.mapper_steps, batch_size=arguments.mapper_batch,
        validation_steps=max(1, arguments.mapper_steps // 4),
    )  # fmt: skip
    editing = Editing(run, arguments.mappers, lesson, arguments.batch)
    reader = reader_in(arguments.attributes, Budget(minutes=10), arguments.state)
    crowd = crowd_in(arguments.attributes, arguments.state)
    return Trial(editing, reader, crowd, arguments.count, arguments.well, arguments.fitted)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    arguments = _parse(argv)
    try:
        _measure(arguments)
    except InstError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


def _measure(arguments: argparse.Namespace) -> None:
    asked = [BY_NAME[name] for name in arguments.only]
    trial = trial_of(arguments)
    if arguments.tune:
        print("\n\n".join([trial.tune(method, asked) for method in arguments.methods]))
        return
    controls = BESIDE if "directions" in arguments.methods else CONTROLS[:1]
    kept = Kept(arguments.kept, _identity(trial), arguments.resume)
    sheets = trial.run([*controls, *arguments.methods], asked, pairs=arguments.pairs, kept=kept)
    machine = describe_machine(trial.editing.session.placement.device, torch.get_num_threads())
    text = report(trial.found, _settings(arguments, trial), trial.judged, machine)
    print(f"\n{text}")
    if arguments.output:
        write_results(arguments.output, text, {"machine": machine, **trial.found.metadata()})
    if arguments.sheets:
        write_sheets(arguments.sheets, sheets)


def _identity(trial: Trial) -> str:
    """Of all that a measurement depends on: settings, networks, prepared files, avatars and what is read of them."""
    editing, session = trial.editing, trial.editing.session
    files = [find_file(getattr(with_prepared(editing.run, name), name), name) for name in PREPARED]
    prepared = [sha256(file) for file in files if file]
    networks = session.fingerprint, clip_probe(session.clip), editing.run.identity
    lesson = identity_of(editing.lesson), editing.lesson.max_train_steps  # which a run may be continued with
    return identity_of(editing.run, *networks, *lesson, *prepared, trial.judged, trial.codes, *trial.before.values())


def _settings(arguments: argparse.Namespace, trial: Trial) -> list[str]:
    run, session = trial.editing.run, trial.editing.session
    alpha, beta = ("automatic" if value is None else f"{value:g}" for value in (run.alpha, run.beta))
    used = [
        f"{arguments.count} avatars, truncation {run.truncation:g}, {trial.editing.batch} at once, by "
        f"{session.generator_name} with the CLIP {session.clip_name}; neutral text {run.neutral!r}, alpha {alpha}, "
        f"beta {beta}; {run.steps} steps of optimisation; strength {run.strength:g}; mappers of "
        f"{arguments.mapper_steps} steps, batch {arguments.mapper_batch}."
    ]
    return [arguments.note, *used] if arguments.note else used


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    names = list(BY_NAME)
    parser.add_argument("--count", type=int, default=100, help="avatars that the generator makes up")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="ATTRIBUTE", help=", ".join(names))
    parser.add_argument("--generator", default="avatars")
    parser.add_argument("--clip", default="auto")
    parser.add_argument("--identity", help="network that keeps avatars who they are; none for none")
    parser.add_argument("--directions", help="inst directions prepare's file (default: the embedded generator's)")
    parser.add_argument("--ffclip", help="inst ffclip train's file (default: the embedded generator's)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument(
        "--attributes", type=Path, default=Path("outputs/avatar-attributes"), help="classifier's folder"
    )
    parser.add_argument("--state", type=Path, help="avatars it was trained on (default: drawn into that folder)")
    parser.add_argument("--well", type=float, default=WELL_READ, help="choices read better than this are judged by")
    parser.add_argument("--fitted", type=int, default=6000, help="avatars that the ceiling's directions are fitted to")
    parser.add_argument("--mappers", type=Path, default=Path("outputs/gan-edits-mappers"), help="where they are kept")
    parser.add_argument("--mapper-steps", type=int, default=1200, help="of each text's training")
    parser.add_argument("--mapper-batch", type=int, default=4)
    parser.add_argument("--batch", type=int, default=25, help="avatars edited at once")
    parser.add_argument("--pairs", action=argparse.BooleanOptionalAction, default=True, help="texts of two attributes")
    parser.add_argument("--tune", action="store_true", help="print averages over a sweep of settings instead")
    parser.add_argument(
        "--kept", type=Path, default=Path("outputs/gan-edits-measured"), help="folder of measurements as they come"
    )
    parser.add_argument("--resume", action="store_true", help="go on with those that are there already")
    parser.add_argument("--note", default="", help="stands above the tables, as: a rehearsal on a busy machine")
    parser.add_argument("--output", type=Path, help="Markdown file to write; JSON beside it")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets")
    arguments = parser.parse_args(argv)
    if arguments.count < 1 or arguments.batch < 1:
        parser.error("--count and --batch are 1 or more")
    return arguments


if __name__ == "__main__":
    main()
