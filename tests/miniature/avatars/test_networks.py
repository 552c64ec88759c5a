"""The networks that look at avatars, in small: what they are taught from, that runs go on, what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

pytest.importorskip("cv2")
pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState

from inst.clip import load_clip
from inst.errors import InputError
from inst.gan.losses import ClipView
from inst.perceptual.identity import SmallIdentity, load_identity
from inst.placement import Placement
from miniature.avatars import CHOICES, Attributes, identity, sample
from miniature.avatars.clip import train as avatar_clip
from miniature.avatars.clip import zero_shot as avatar_answers
from miniature.avatars.data import writer as dataset
from miniature.avatars.data.augment import augment
from miniature.avatars.data.dataset import HIDDEN, AvatarDataset, ChoiceHeads, choices_of
from miniature.avatars.data.questions import QUESTIONS
from miniature.avatars.data.variants import another_outfit, draw_variant, write_variants
from miniature.common.clip import Towers
from miniature.common.training import Budget, Run

CPU = Placement(torch.device("cpu"), torch.float32)
TOWERS = Towers(
    image_size=64, patch_size=16, embed_dim=16, width=16, vision_layers=1, text_layers=1, head_width=8
)  # fmt: skip
COUNT = 30


@pytest.fixture(autouse=True)
def precision_of_its_own() -> Iterator[None]:
    """accelerate keeps one precision a process, and other tests' is float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("avatars")
    dataset.write_avatars(folder, COUNT, 64, seed=3)
    return folder


def test_what_is_held_back_is_never_trained_on(state: Path) -> None:
    crowd = AvatarDataset.open(state)
    assert {*crowd.train} | {*crowd.held_out} == {*range(COUNT)}
    assert not {*crowd.train} & {*crowd.held_out}
    assert len(crowd.held_out) == COUNT // 10
    rng = np.random.default_rng(0)
    batch = avatar_clip.sample_batch(crowd, crowd.train, 16, rng)
    assert {*batch.rows} <= {*crowd.train}
    assert len({*batch.long}) == len({*batch.short}) == len({*batch.rows}) == len(batch.rows) > 4


def test_no_avatars_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"miniature\.avatars"):
        AvatarDataset.open(tmp_path)


def test_hidden_choices_are_neither_asked_nor_counted() -> None:
    bald = Attributes(cut="bald", glasses="sunglasses")
    found = dict(zip(CHOICES, choices_of(bald), strict=True))
    assert {name for name, number in found.items() if number == HIDDEN} == {"hair", "eyes", "lids"}
    assert [*CHOICES["cut"]][found["cut"]] == "bald"
    heads = ChoiceHeads(4)
    logits = torch.randn(2, sum(heads.sizes))
    choices = torch.tensor([choices_of(bald), choices_of(bald)])
    loss = heads.loss(logits, choices)
    assert torch.isfinite(loss)
    heads.split(logits)["hair"].normal_()  # a view
    assert heads.loss(logits, choices) == loss


def test_every_question_has_each_of_its_answers() -> None:
    rng = np.random.default_rng(0)
    crowd = [sample(rng) for _ in range(600)]
    for name, question in QUESTIONS.items():
        answers = {question.answer(attributes) for attributes in crowd} - {None}
        assert answers == {*question.texts.values()}, name


def test_imperfect_pictures_still_show_what_they_showed(state: Path) -> None:
    pictures = AvatarDataset.open(state).images(range(COUNT))
    torch.manual_seed(0)
    made = augment(pictures)
    torch.manual_seed(0)
    assert torch.equal(made, augment(pictures))
    assert made.shape == pictures.shape
    assert made.abs().max() <= 1
    apart = (made[:, None] - pictures[None]).square().mean((2, 3, 4))
    assert (apart.argmin(1) == torch.arange(COUNT)).float().mean() > 0.9
    assert 0.5 * COUNT < (apart.diagonal() > 1e-4).sum() <= COUNT


def test_the_first_layer_starts_with_components_of_equal_power(state: Path) -> None:
    pictures = AvatarDataset.open(state).images(range(COUNT))
    model = TOWERS.build(600)
    avatar_clip.init_from_patches(model, pictures)
    with torch.no_grad():
        seen = model.visual.conv1(pictures).movedim(1, 3).flatten(0, 2)
    assert_close(seen.T @ seen / len(seen), torch.eye(16), atol=0.01, rtol=0)


def clip_run(state: Path, folder: Path) -> list[torch.Tensor]:
    """All weights of four steps in a folder of its own."""
    folder.mkdir(exist_ok=True)
    for file in state.glob("avatars.*"):
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file)
    run = avatar_clip.train(folder, Budget(steps=4), batch=8, device="cpu", towers=TOWERS)
    assert run.step == 4
    return [*run.params, *run.params_ema]


def test_a_stopped_clip_goes_on_as_if_it_had_not_and_comes_out(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = clip_run(state, tmp_path / "one")
    printed = capsys.readouterr().out
    assert all(f"{name} " in printed for name in ("figure", "glasses", "hat", "smile"))

    def stop(run: Run, *_: object) -> None:
        run.save()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(avatar_clip, "REPORT_EVERY", 3)
        patch.setattr(avatar_clip, "report", stop)
        with pytest.raises(KeyboardInterrupt):
            clip_run(state, tmp_path / "two")
    again = clip_run(state, tmp_path / "two")
    assert all(torch.equal(one, two) for one, two in zip(straight, again, strict=True))

    ours = avatar_clip.export(tmp_path / "two", tmp_path / "out", TOWERS)
    loaded = load_clip(f"local-dir:{tmp_path / 'out' / 'clip'}", CPU)
    pictures = AvatarDataset.open(state).images(range(4)).requires_grad_()
    texts = ["a face with glasses", "a face"]
    tokenizer = avatar_clip.load_tokenizer(tmp_path / "two")
    wanted = avatar_answers.embed_texts(ours, tokenizer, texts)
    assert_close(functional.normalize(loaded.embed_text(texts)), wanted, atol=0.02, rtol=0)
    view = ClipView(loaded)
    seen = view.embed_images(pictures)
    assert_close(functional.normalize(seen), avatar_answers.embed_images(ours, pictures), atol=0.02, rtol=0)
    view.distance(pictures, loaded.embed_text(["a smile"] * 4)).sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().max() > 0
    assert str(tmp_path) not in "".join(file.read_text() for file in (tmp_path / "out").rglob("*.json"))


def test_moments_are_of_the_same_avatar_and_go_on(state: Path, tmp_path: Path) -> None:
    crowd = AvatarDataset.open(state)
    tasks = [(row, False) for row in range(8)]
    found = write_variants(tmp_path, tasks, crowd.seed, 64)
    assert np.array_equal(found[5], draw_variant(crowd.seed, 5, 64, outfit=False))
    apart = np.abs(found[:, None].astype(float) - crowd.pixels[None, :8]).mean((2, 3, 4))
    assert (apart.argmin(1) == np.arange(8)).all()
    assert apart.diagonal().min() > 0.5
    before = found.copy()
    plan = tmp_path / "variants.json"
    plan.write_text(plan.read_text().replace('"done": 8', '"done": 6'))
    assert np.array_equal(write_variants(tmp_path, tasks, crowd.seed, 64), before)
    with pytest.raises(ValueError, match="other avatars"):
        write_variants(tmp_path, tasks[:3], crowd.seed, 64)


def test_another_outfit_leaves_face_and_hair() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        attributes = sample(rng)
        other = asdict(another_outfit(attributes, rng))
        changed = {name for name, value in asdict(attributes).items() if other[name] != value}
        assert changed <= {"clothes", "cloth", "background", "glasses", "earrings", "hat"}


def test_area_counts_pairs_in_order() -> None:
    same, different = torch.tensor([0.9, 0.5, 0.4]), torch.tensor([0.5, 0.1, 0.45, 0.4])
    order = (same[:, None] > different).float() + (same[:, None] == different).float() / 2
    assert identity.roc_auc(same, different) == pytest.approx(float(order.mean()))


def test_identity_learns_its_pairs_and_comes_out(state: Path, tmp_path: Path) -> None:
    pairs = identity.Pairs.open(state, held_out=2)
    places = pairs.train()
    assert {*pairs.rows[places]} == {*AvatarDataset.open(state).train}
    assert not {*pairs.rows[pairs.held_out(outfit=True)]} & {*pairs.rows[places]}
    assert len(pairs.held_out(outfit=True)) == len(pairs.held_out(outfit=False)) == 2
    widths = (16, 24, 32)

    def loss(network: SmallIdentity) -> float:
        with torch.no_grad():
            return float(identity.margin_loss(*(network.embed_faces(part) for part in pairs.images(places))))

    torch.manual_seed(1)
    before = loss(SmallIdentity(widths))
    identity.train(state, Budget(steps=25), device="cpu", pairs=pairs, widths=widths)
    ours = identity.trained(state, widths)
    assert loss(ours) < 0.8 * before
    assert identity.measure(ours, pairs).count("AUC") == 2
    identity.export(ours, tmp_path)
    loaded = load_identity(tmp_path / "identity.safetensors", CPU)
    pictures = pairs.images(places[:4])[0]
    assert_close(loaded.embed_faces(pictures), ours.embed_faces(pictures), atol=0.02, rtol=0)
