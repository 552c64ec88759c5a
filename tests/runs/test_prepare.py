"""``inst directions prepare``, ``mapper train`` and ``ffclip train``: stopped and continued equals one go."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from accelerate import PartialState
from safetensors.torch import load_file
from support.gan_files import CONFIG, WIDTH, write_files
from torch.distributed.elastic.utils.distributed import get_free_port

import inst
from inst.cli import main
from inst.errors import ConfigError, ModelError
from inst.files import read_safetensors, write_safetensors
from inst.gan.ffclip import SemanticModulation
from inst.gan.styleclip.mapper import LevelsMapper
from inst.pipelines.faces.directions import prepare_directions, prepare_directions_steps
from inst.pipelines.faces.train_ffclip import train_ffclip, train_ffclip_steps
from inst.pipelines.faces.train_mapper import train_mapper, train_mapper_steps
from inst.training.signals import StopRequest
from inst.training.workers import Workers

ROOT = Path(__file__).parents[2]
QUICK = ["--device", "cpu", "--dtype", "float32"]
GAN = ["--generator", "G.safetensors", "--clip", "local-dir:clip", *QUICK]
PREPARE = ["directions", "prepare", "--samples", "2", "--statistics-samples", "1500", "--max-side", "8", *GAN]
MAPPER = ["mapper", "train", "--text", "a face with glasses", "--samples", "6", "--learning-rate", "0.05", *GAN]
FFCLIP = ["ffclip", "train", "--prompts", "prompts.txt", "--samples", "6", *GAN]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    torch.set_num_threads(1)
    return write_files(tmp_path_factory.mktemp("gan") / "files")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch, files):
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    Path("prompts.txt").write_text("a face with glasses\n\nan old man\na smile\n")


@pytest.fixture
def stop_after(monkeypatch):
    """``stop_after(n)``: a signal that arrives when a run looks for one the n-th time."""

    class Asked(StopRequest):
        left = 0

        @property
        def asked(self):
            self.left -= 1
            if self.left <= 0:
                self.signal = 15
            return self.signal is not None

    def make(count):
        @contextlib.contextmanager
        def stop_on_signals():
            stop = Asked()
            stop.left = count
            yield stop

        for module in ("directions", "training"):
            monkeypatch.setattr(f"inst.commands.faces.{module}.stop_on_signals", stop_on_signals)

    yield make
    monkeypatch.undo()


def facts_of(file):
    return json.loads(read_safetensors(Path(file))[1]["inst.editor"])


def same(one, other):
    return Path(one).read_bytes() == Path(other).read_bytes()


@pytest.mark.parametrize("mode", ["clean", "reference"])
def test_a_stopped_measurement_goes_on_to_the_very_same_file(stop_after, mode, monkeypatch, capsys):
    arguments = [*PREPARE, "--mode", mode]
    assert main([*arguments, "--output", "whole.safetensors"]) == 0
    with monkeypatch.context():
        stop_after(10)
        assert main([*arguments, "--output", "parts.safetensors"]) == 143
    assert not Path("parts.safetensors").exists()
    assert len(load_file(".unfinished/parts.state")["rows"]) == 10
    stop_after(10**9)
    assert main([*arguments, "--seed", "6", "--resume", "--output", "parts.safetensors"]) == 2
    assert "with another generator, CLIP or settings" in capsys.readouterr().err
    assert main([*arguments, "--resume", "--output", "parts.safetensors"]) == 0
    assert same("whole.safetensors", "parts.safetensors")
    assert not list(Path(".unfinished").iterdir())


def test_what_was_measured_edits_faces_of_this_generator_alone(capsys):
    assert main([*PREPARE, "--output", "fs3.safetensors"]) == 0
    tensors = load_file("fs3.safetensors")
    assert tensors["relevance"].shape == (8 + 8 + 8, WIDTH)  # the convolutions of 4 and 8 px
    assert [tensors[f"mean.{i}"].shape[0] for i in range(11)] == list(CONFIG.style_widths)
    text = ["--text", "a face with glasses", "--directions", "fs3.safetensors", "--beta", "0"]
    assert main(["edit", "--random", "1", *text, "--output", "a.png", *GAN]) == 0
    other = ["--generator", "other.safetensors", *GAN[2:]]
    assert main(["edit", "--random", "1", *text, "--output", "b.png", *other]) == 2
    assert "was trained for another generator" in capsys.readouterr().err
    assert main([*PREPARE, "--output", "fs3.safetensors"]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("command", [MAPPER, FFCLIP], ids=["mapper", "ffclip"])
def test_stopped_training_goes_on_to_the_very_same_network(stop_after, command, monkeypatch):
    steps = ["--max-train-steps", "8", "--validation-steps", "3"]
    assert main([*command, *steps, "--output", "whole.safetensors"]) == 0
    with monkeypatch.context():
        stop_after(5)
        assert main([*command, *steps, "--output", "parts.safetensors"]) == 143
    assert Path(".unfinished/parts.state").is_file()
    assert facts_of("parts.safetensors")["steps"] == 5
    stop_after(10**9)
    assert main([*command, *steps, "--resume", "--output", "parts.safetensors"]) == 0
    assert same("whole.safetensors", "parts.safetensors")


def test_a_mapper_learns_its_text_and_edits_with_it(capsys):
    easy = ["--samples", "2", "--l2-weight", "0", "--learning-rate", "10", "--max-train-steps", "40"]
    looks = ["--validation-steps", "10", "--validation-samples", "3"]
    assert main([*MAPPER, *easy, *looks, "--output", "m.safetensors"]) == 0
    told = capsys.readouterr().out.strip()
    before, after = told.rsplit("loss ", 1)[1].split(" -> ")
    assert float(after) < float(before) - 0.001
    metadata = facts_of("m.safetensors")
    assert [step for step, _ in metadata["validation"]] == [0, 10, 20, 30, 40]
    assert all(f"step {step}: validation loss {loss:.4f}" in told for step, loss in metadata["validation"])
    assert metadata["best_step"] == min(metadata["validation"][1:], key=lambda pair: pair[1])[0]
    assert main(["edit", "--random", "1", "--mapper", "m.safetensors", "--output", "a.png", *GAN]) == 0
    assert (
        main(["edit", "--random", "1", "--text", "a hat", "--mapper", "m.safetensors", "--output", "b.png", *GAN]) == 0
    )
    assert 'was trained for "a face with glasses"' in capsys.readouterr().err
    other = ["--generator", "other.safetensors", *GAN[2:]]
    assert main(["edit", "--random", "1", "--mapper", "m.safetensors", "--output", "c.png", *other]) == 2
    assert "was trained for another generator" in capsys.readouterr().err


def test_the_weights_that_did_best_on_unseen_codes_are_kept(monkeypatch):
    told = iter([5.0, 3.0, 1.0, 2.0, 4.0])  # before the first step, and after each of four
    with monkeypatch.context() as patch:
        patch.setattr("inst.pipelines.faces.train_mapper.validate_mapper", lambda *_: next(told))
        looks = ["--validation-steps", "1", "--max-train-steps", "4"]
        assert main([*MAPPER, *looks, "--output", "long.safetensors"]) == 0
    assert facts_of("long.safetensors")["best_step"] == 2
    assert main([*MAPPER, "--max-train-steps", "2", "--output", "short.safetensors"]) == 0
    long, short = load_file("long.safetensors"), load_file("short.safetensors")
    assert all(torch.equal(long[name], short[name]) for name in short)


def test_codes_of_ones_own_validate():
    given = ["--max-train-steps", "1", "--validation-latents", "unseen.pt"]
    torch.save(torch.randn(5, CONFIG.num_layers, WIDTH), "unseen.pt")
    assert main([*MAPPER, *given, "--output", "a.safetensors"]) == 0
    torch.save(torch.zeros(5, CONFIG.num_layers, WIDTH), "unseen.pt")
    assert main([*MAPPER, *given, "--output", "b.safetensors"]) == 0
    one, other = (facts_of(f"{name}.safetensors")["validation"][0][1] for name in "ab")
    assert abs(one - other) > 1e-4


# Functions


def open_faces():
    """A session with the narrow networks."""
    return inst.load_generator("G.safetensors", clip="local-dir:clip", **NARROW)


NARROW = {"device": "cpu", "dtype": "float32"}
FEW = {"samples": 6, "max_train_steps": 4, "validation_steps": 2}


def learn(kind, faces, **options):
    if kind == "mapper":
        return train_mapper(faces, "a face with glasses", learning_rate=0.05, **FEW, **options)
    return train_ffclip(faces, ["a face with glasses", "an old man", "a smile"], **FEW, **options)


@pytest.mark.parametrize(("kind", "command"), [("mapper", MAPPER), ("ffclip", FFCLIP)])
def test_function_and_command_train_the_same_network(kind, command):
    steps = ["--max-train-steps", "4", "--validation-steps", "2"]
    assert main([*command, *steps, "--output", "command.safetensors"]) == 0
    editor = learn(kind, open_faces(), checkpoint="a.state")
    editor.save("function.safetensors")
    assert same("command.safetensors", "function.safetensors") and not Path("a.state").exists()
    assert editor.trained.metadata["kind"] == kind
    assert not any(parameter.requires_grad for parameter in editor.network.parameters())


def test_function_and_command_measure_the_same_channels():
    assert main([*PREPARE, "--output", "command.safetensors"]) == 0
    prepare_directions(open_faces(), samples=2, statistics_samples=1500, max_side=8).save("function.safetensors")
    assert same("command.safetensors", "function.safetensors")


def test_training_that_was_left_goes_on_to_the_same_network():
    faces = open_faces()
    whole = learn("mapper", faces)
    for step in train_mapper_steps(faces, "a face with glasses", learning_rate=0.05, **FEW, checkpoint="a.state"):
        if step.step == 3:
            break
    resumed = learn("mapper", faces, checkpoint="a.state", resume=True)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value)


def test_measuring_that_was_left_goes_on_to_the_same_result():
    faces, settings = open_faces(), {"samples": 2, "statistics_samples": 1500, "max_side": 8}
    whole = prepare_directions(faces, **settings)
    for step in prepare_directions_steps(faces, checkpoint="a.state", **settings):
        if step.step == 7:
            break
    assert len(load_file("a.state")["rows"]) == 7
    resumed = prepare_directions_steps(faces, checkpoint="a.state", resume=True, **settings)
    first, *_, last = resumed
    assert first.step == 7 and torch.equal(last.directions.relevance, whole.relevance)


def test_given_codes_are_learned_from_and_must_fit():
    faces = open_faces()
    codes = faces.sample_w(6, 0, 0.7)
    made, given = learn("mapper", faces), learn("mapper", faces, latents=codes)
    assert all(torch.equal(a, b) for a, b in zip(made.network.parameters(), given.network.parameters(), strict=True))
    with pytest.raises(ModelError, match="the latents hold codes of"):
        learn("mapper", faces, latents=codes[:, :3])


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (lambda faces: train_mapper_steps(faces, "a hat", max_train_step=3), "did you mean max_train_steps"),
        (lambda faces: train_mapper_steps(faces, " "), "text is empty"),
        (lambda faces: train_mapper_steps(faces, "a hat", identity_weight=1.0), "needs --identity"),
        (lambda faces: train_ffclip_steps(faces, "a hat"), "a list of 1 to 100000 prompts"),
        (lambda faces: train_ffclip_steps(faces, []), "0 were given"),
        (lambda faces: prepare_directions_steps(faces, mode="cleen"), "did you mean clean"),
        (lambda faces: prepare_directions_steps(faces, workers=Workers(count=2)), "through the checkpoint"),
    ],
)
def test_wrong_arguments_are_refused_at_once(train, sentence):
    with pytest.raises(ConfigError, match=sentence):
        train(open_faces())


# Processes

LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def start(*arguments, module=()):
    return subprocess.Popen(
        [sys.executable, *module, "-m", "inst.cli", *arguments],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def launched(*arguments):
    """By torchrun, as a user starts two processes."""
    process = start(*arguments, module=LAUNCHER)
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-2000:]
    return out


def forked(*arguments):
    """The same two processes without starting Python anew."""
    children, port = [], get_free_port()
    for rank in range(2):
        if (child := os.fork()) == 0:
            code = 1
            try:
                place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
                os.environ.update({name: str(value) for name, value in place.items()}, MASTER_ADDR="127.0.0.1")
                PartialState._reset_state()
                with Path(f"out.{rank}").open("w") as file, contextlib.redirect_stdout(file):
                    code = main(list(arguments))
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert Path("out.1").read_text() == ""  # one of them speaks
    return Path("out.0").read_text()


def test_processes_part_while_python_still_runs():
    """What is registered first runs last at exit, and finds the connections closed."""
    Path("parting.py").write_text(
        "import atexit, sys, torch\n"
        "tell = lambda word: sys.stdout.write(f'{word}\\n')  # in one piece, as two write at once\n"
        "atexit.register(lambda: tell(f'connected: {torch.distributed.is_initialized()}'))\n"
        "from inst.placement import choose_placement\n"
        "from inst.training.workers import Workers\n"
        "tell(f'processes: {Workers.join(choose_placement(\"cpu\")).count}')\n"
    )
    process = subprocess.run(
        [sys.executable, *LAUNCHER, "parting.py"],
        capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert sorted(process.stdout.split("\n")) == ["", *["connected: False"] * 2, *["processes: 2"] * 2]


def test_processes_share_the_channels_and_go_on_in_any_number(stop_after):
    """One process measures 9 channels and is stopped; another's part from a stopped run of several lies beside it."""
    assert main([*PREPARE, "--output", "whole.safetensors"]) == 0
    stop_after(9)
    assert main([*PREPARE, "--output", "parts.safetensors"]) == 143
    state = Path(".unfinished/parts.state")
    tensors, metadata = read_safetensors(state)
    for name, numbers in ((state, range(6)), (Path(f"{state}.2"), range(5, 9))):
        kept = {key: value[list(numbers)].clone() for key, value in tensors.items()}
        write_safetensors(name, kept, metadata)
    assert launched(*PREPARE, "--resume", "--output", "parts.safetensors").count("24 channels") == 1
    assert same("whole.safetensors", "parts.safetensors")
    assert not list(Path(".unfinished").iterdir())


@pytest.mark.parametrize(
    ("command", "network"),
    [
        ([*MAPPER, "--learning-rate", "10"], lambda: LevelsMapper(WIDTH)),
        # FFCLIP's start magnifies the last digit, the more the larger its steps are pulled by the text
        ([*FFCLIP, "--text-weight", "1"], lambda: SemanticModulation(CONFIG.num_layers, WIDTH)),
    ],
    ids=["mapper", "ffclip"],
)
def test_processes_share_a_batch_and_learn_what_one_learns(command, network):
    steps = ["--max-train-steps", "4", "--batch-size", "4", "--validation-steps", "4"]
    assert main([*command, *steps, "--output", "one.safetensors"]) == 0
    assert "step 4: validation loss" in forked(*command, *steps, "--output", "two.safetensors")
    one, two = load_file("one.safetensors"), load_file("two.safetensors")
    torch.manual_seed(0)  # --seed's default, from which both began
    start = {f"{'mapper.' * (command[0] == 'mapper')}{name}": value for name, value in network().state_dict().items()}
    learned, apart = (
        torch.cat([(weights[name] - other[name]).abs().flatten() for name in start]).mean()
        for weights, other in ((one, start), (two, one))
    )
    # not the same to the last digit: where a gradient is all but 0, Adam makes much of that digit
    assert learned > 0 and apart < 0.1 * learned


def test_a_batch_that_processes_cannot_share_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("inst.commands.faces.training.Workers.join", lambda placement: Workers(count=3))
    assert main([*MAPPER, "--output", "a.safetensors"]) == 2
    assert "batch-size=2 cannot be shared by 3 processes: give a multiple of 3" in capsys.readouterr().err


def test_sigterm_keeps_what_was_learned():
    process = start(*MAPPER, "--max-train-steps", "100000", "--checkpointing-steps", "3", "--output", "m.safetensors")
    state, deadline = Path(".unfinished/m.state"), time.monotonic() + 240
    while not state.is_file() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "(--resume continues)" in out and state.is_file()
    assert facts_of("m.safetensors")["steps"] >= 3
    assert main(["edit", "--random", "1", "--mapper", "m.safetensors", "--output", "a.png", *GAN]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*PREPARE], "no output was given"),
        ([*PREPARE, "--output", "a.npy"], "ending in .safetensors"),
        ([*PREPARE, "--output", "a.safetensors", "--samples", "0"], "samples=0 is out of range"),
        (["mapper", "train", "--output", "a.safetensors", *GAN], "no text was given"),
        ([*MAPPER, "--output", "a.safetensors", "--text", " "], "text is empty"),
        ([*MAPPER, "--output", "a.safetensors", "--latents", "none.pt"], "--latents none.pt does not exist"),
        ([*MAPPER, "--output", "a.safetensors", "--identity-weight", "1"], "needs --identity"),
        ([*MAPPER, "--output", "a.safetensors", "--samples", "1"], "batch-size=2 is out of range"),
        (["ffclip", "train", "--output", "a.safetensors", *GAN], "no prompts were given"),
        ([*FFCLIP, "--output", "a.safetensors", "--prompts", "e4e.pt"], "is not a text file"),
        ([*FFCLIP, "--output", "a.safetensors", "--generator", "small.pt"], "codes as wide as the text"),
        (["mapper", "trian"], "inst mapper train"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_code_2(arguments, sentence, capsys):
    before = sorted(path for path in Path().rglob("*") if path.is_file())
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and error[0].startswith("error: ") and sentence in error[0], error
    assert sorted(path for path in Path().rglob("*") if path.is_file()) == before
