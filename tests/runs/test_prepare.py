"""``inst directions prepare``, ``mapper train`` and ``ffclip train``: stopped and continued equals one go."""

import contextlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.gan_files import CONFIG, WIDTH, write_files

from inst.cli import main
from inst.training import Stop

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

    class Asked(Stop):
        left = 0

        @property
        def asked(self):
            self.left -= 1
            if self.left <= 0:
                self.signal = 15
            return self.signal is not None

    def make(count):
        @contextlib.contextmanager
        def stopping():
            stop = Asked()
            stop.left = count
            yield stop

        for module in ("directions", "train_editor"):
            monkeypatch.setattr(f"inst.runs.{module}.stopping", stopping)

    yield make
    monkeypatch.undo()


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
    steps = ["--max-train-steps", "8"]
    assert main([*command, *steps, "--output", "whole.safetensors"]) == 0
    with monkeypatch.context():
        stop_after(5)
        assert main([*command, *steps, "--output", "parts.safetensors"]) == 143
    assert Path(".unfinished/parts.state").is_file() and not Path("parts.safetensors").exists()
    stop_after(10**9)
    assert main([*command, *steps, "--resume", "--output", "parts.safetensors"]) == 0
    assert same("whole.safetensors", "parts.safetensors")


def test_a_mapper_learns_its_text_and_edits_with_it(capsys):
    # two codes, so that the first loss and the last are of the same pictures
    easy = ["--samples", "2", "--l2-weight", "0", "--learning-rate", "10", "--max-train-steps", "40"]
    assert main([*MAPPER, *easy, "--output", "m.safetensors"]) == 0
    before, after = capsys.readouterr().out.strip().rsplit("loss ", 1)[1].split(" -> ")
    assert float(after) < float(before) - 0.001
    assert main(["edit", "--random", "1", "--mapper", "m.safetensors", "--output", "a.png", *GAN]) == 0
    assert (
        main(["edit", "--random", "1", "--text", "a hat", "--mapper", "m.safetensors", "--output", "b.png", *GAN]) == 0
    )
    assert 'was trained for "a face with glasses"' in capsys.readouterr().err
    other = ["--generator", "other.safetensors", *GAN[2:]]
    assert main(["edit", "--random", "1", "--mapper", "m.safetensors", "--output", "c.png", *other]) == 2
    assert "was trained for another generator" in capsys.readouterr().err


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
