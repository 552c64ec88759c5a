"""Examples are run: the Python of README, pages and docstrings. Commands are read by the command line's own parser."""

import doctest
import importlib
import importlib.util
import inspect
import re
import shlex
import tomllib

import pytest
import torch
from PIL import Image as PilImage
from skimage import data
from support.documents import PAGES, ROOT, blocks, commands

import inst
from inst.models.settings import with_overrides

cli = importlib.import_module("inst.cli.main")  # the package shows a function of that name
QUICK = {"resolution": 64, "crop": 64, "num_steps": 3, "train_steps": 2, "batch_size": 2}
"""The miniature's defaults while examples run: what is tested is that they do, not what comes of it."""
_STEPS = re.compile(r"\b(max_train_steps|num_steps|invert_steps|steps)=[\d_]+")
NEED_WEIGHTS = {"docs/how-to/stable-diffusion.md", "docs/how-to/other-tools.md", "docs/how-to/photographs-of-faces.md"}
"""Pages with an example that is compiled only, since it needs files which no test may download."""


@pytest.fixture(autouse=True)
def folder_of_a_reader(tmp_path, monkeypatch):
    """The files that examples speak of, and settings that take seconds."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("inst.models.load.with_overrides", lambda d, o, n: with_overrides(d, {**o, **QUICK}, n))
    PilImage.fromarray(data.astronaut()).resize((96, 96)).save("photo.jpg")
    PilImage.open(ROOT / "style_images" / "night.jpg").resize((96, 96)).save("painting.jpg")
    PilImage.open(ROOT / "docs" / "images" / "avatar.png").save("avatar.png")


def quick(code):
    """The code with every number of steps made 2."""
    return _STEPS.sub(r"\1=2", code)


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=named)
def test_python_of_a_page_runs_from_top_to_bottom(page):
    names = {}
    for block in blocks(page, "python"):
        code = compile("\n" * (block.line - 1) + quick(block.text), named(page), "exec")
        if block.reason is None:
            exec(code, names)


def test_only_examples_that_need_weights_are_not_run():
    left_out = {named(page) for page in PAGES for block in blocks(page, "python") if block.reason is not None}
    assert left_out == NEED_WEIGHTS


PUBLIC = [name for name in inst.__all__ if not name.startswith("__")]
EXAMPLES = [name for name in PUBLIC if not inspect.ismodule(getattr(inst, name))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_a_docstring_give_what_they_say(name):
    thing = getattr(inst, name)
    found = doctest.DocTestFinder(exclude_empty=True).find(thing, name, globs={"inst": inst})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in found:
        for example in test.examples:
            example.source = quick(example.source)
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_public_name_has_an_example(name):
    thing = getattr(inst, name)
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        pytest.skip("errors are raised, not called")
    assert ">>>" in (inspect.getdoc(thing) or "")


COMMANDS = sorted({(command, named(page)) for page in PAGES for command in commands(page)})


@pytest.mark.parametrize(("command", "page"), COMMANDS, ids=[f"{page}-{i}" for i, (_, page) in enumerate(COMMANDS)])
def test_commands_of_the_pages_exist_with_their_options(command, page, monkeypatch):
    monkeypatch.chdir(ROOT)  # configs/ is there
    match shlex.split(command, comments=True):
        case ["inst", "COMMAND", *_]:
            pass
        case ["inst", *arguments]:
            accepted(arguments)
        case ["python", "stylize.py", *arguments]:
            accepted(["stylize", *arguments])
        case ["accelerate", "launch", "--num_processes", _, "train_inversion.py", *arguments]:
            accepted(["train", *arguments])
        case ["accelerate", "launch", "train_inversion.py", *arguments]:
            accepted(["train", *arguments])
        case ["torchrun", "--nproc_per_node", _, "-m", "inst.cli", *arguments]:
            accepted(arguments)
        case ["make", *targets]:
            assert set(wanted(targets)) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
        case ["python", "-m", module, *_] if module.startswith(("benchmarks", "miniature", "experiments")):
            assert importlib.util.find_spec(module), f"there is no module {module}"
        case ["pip", "install", package]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            assert set(re.findall(r"\[(\w+)\]", package)) <= set(extras)
        case ["pre-commit", "install"]:
            pass
        case _:
            pytest.fail(f"{page} has a command that no rule knows: {command}")


def wanted(targets):
    """The targets among the words after ``make``, without variables."""
    return [target for target in targets if "=" not in target]


def accepted(arguments):
    """Hold a command line of ``inst`` to the parser, its options to their ranges. Nothing is run."""
    command, rest = cli._command(arguments)
    schema = cli.COMMANDS[command][0]
    if not rest or rest == ["--help"]:
        return  # the command as such, in a sentence
    if schema is None:
        cli.command_parser(command).parse_args(rest)
    else:
        cli._settings(command, schema, rest)
