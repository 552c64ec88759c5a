"""CLIP and identity network of the avatars at small size: training data, resumed runs, exported files."""

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
from miniature.avatars.clip import zero_shot
from miniature.avatars.data import writer
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
    """accelerate has one precision per process, and other tests use float32."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("avatars")
    writer.write_avatars(folder, COUNT, 64, seed=3)
    return folder


def test_held_out_avatars_are_never_trained_on(state: Path) -> None:
    dataset = AvatarDataset.open(state)
    assert {*dataset.train} | {*dataset.held_out} == {*range(COUNT)}
    assert not {*dataset.train} & {*dataset.held_out}
    assert len(dataset.held_out) == COUNT // 10
    rng = np.random.default_rng(0)
    batch = avatar_clip.sample_batch(dataset, dataset.train, 16, rng)
    assert {*batch.rows} <= {*dataset.train}
    assert len({*batch.long}) == len({*batch.short}) == len({*batch.rows}) == len(batch.rows) > 4


def test_missing_avatars_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"miniature\.avatars"):
        AvatarDataset.open(tmp_path)


def test_hidden_attributes_do_not_count() -> None:
    bald = Attributes(cut="bald", glasses="sunglasses")
    indices = dict(zip(CHOICES, choices_of(bald), strict=True))
    assert {name for name, number in indices.items() if number == HIDDEN} == {"hair", "eyes", "lids"}
    assert [*CHOICES["cut"]][indices["cut"]] == "bald"
    heads = ChoiceHeads(4)
    logits = torch.randn(2, sum(heads.sizes))
    choices = torch.tensor([choices_of(bald), choices_of(bald)])
    loss = heads.loss(logits, choices)
    assert torch.isfinite(loss)
    heads.split(logits)["hair"].normal_()  # a view
    assert heads.loss(logits, choices) == loss


def test_every_answer_of_a_question_occurs() -> None:
    rng = np.random.default_rng(0)
    avatars = [sample(rng) for _ in range(600)]
    for name, question in QUESTIONS.items():
        answers = {question.answer(attributes) for attributes in avatars} - {None}
        assert answers == {*question.texts.values()}, name


def test_augmented_images_stay_similar(state: Path) -> None:
    pictures = AvatarDataset.open(state).images(range(COUNT))
    torch.manual_seed(0)
    augmented = augment(pictures)
    torch.manual_seed(0)
    assert torch.equal(augmented, augment(pictures))
    assert augmented.shape == pictures.shape
    assert augmented.abs().max() <= 1
    distances = (augmented[:, None] - pictures[None]).square().mean((2, 3, 4))
    assert (distances.argmin(1) == torch.arange(COUNT)).float().mean() > 0.9
    assert 0.5 * COUNT < (distances.diagonal() > 1e-4).sum() <= COUNT


def test_the_first_layer_is_initialised_with_whitened_components(state: Path) -> None:
    pictures = AvatarDataset.open(state).images(range(COUNT))
    model = TOWERS.build(600)
    avatar_clip.init_from_patches(model, pictures)
    with torch.no_grad():
        response = model.visual.conv1(pictures).movedim(1, 3).flatten(0, 2)
    assert_close(response.T @ response / len(response), torch.eye(16), atol=0.01, rtol=0)


def clip_run(state: Path, folder: Path) -> list[torch.Tensor]:
    """All weights of four steps in a folder of its own."""
    folder.mkdir(exist_ok=True)
    for file in state.glob("avatars.*"):
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file)
    run = avatar_clip.train(folder, Budget(steps=4), batch=8, device="cpu", towers=TOWERS)
    assert run.step == 4
    return [*run.params, *run.params_ema]


def test_an_interrupted_clip_is_resumed_exactly_and_exported(
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

    exported = avatar_clip.export(tmp_path / "two", tmp_path / "out", TOWERS)
    loaded = load_clip(f"local-dir:{tmp_path / 'out' / 'clip'}", CPU)
    pictures = AvatarDataset.open(state).images(range(4)).requires_grad_()
    texts = ["a face with glasses", "a face"]
    tokenizer = avatar_clip.load_tokenizer(tmp_path / "two")
    expected = zero_shot.embed_texts(exported, tokenizer, texts)
    assert_close(functional.normalize(loaded.embed_text(texts)), expected, atol=0.02, rtol=0)
    view = ClipView(loaded)
    embeds = view.embed_images(pictures)
    assert_close(functional.normalize(embeds), zero_shot.embed_images(exported, pictures), atol=0.02, rtol=0)
    view.distance(pictures, loaded.embed_text(["a smile"] * 4)).sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().max() > 0
    assert str(tmp_path) not in "".join(file.read_text() for file in (tmp_path / "out").rglob("*.json"))


def test_variants_are_of_the_same_avatar_and_writing_is_resumed(state: Path, tmp_path: Path) -> None:
    dataset = AvatarDataset.open(state)
    tasks = [(row, False) for row in range(8)]
    variants = write_variants(tmp_path, tasks, dataset.seed, 64)
    assert np.array_equal(variants[5], draw_variant(dataset.seed, 5, 64, outfit=False))
    distances = np.abs(variants[:, None].astype(float) - dataset.pixels[None, :8]).mean((2, 3, 4))
    assert (distances.argmin(1) == np.arange(8)).all()
    assert distances.diagonal().min() > 0.5
    before = variants.copy()
    plan = tmp_path / "variants.json"
    plan.write_text(plan.read_text().replace('"done": 8', '"done": 6'))
    assert np.array_equal(write_variants(tmp_path, tasks, dataset.seed, 64), before)
    with pytest.raises(ValueError, match="other avatars"):
        write_variants(tmp_path, tasks[:3], dataset.seed, 64)


def test_another_outfit_preserves_face_and_hair() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        attributes = sample(rng)
        other = asdict(another_outfit(attributes, rng))
        changed = {name for name, value in asdict(attributes).items() if other[name] != value}
        assert changed <= {"clothes", "cloth", "background", "glasses", "earrings", "hat"}


def test_roc_auc_counts_ordered_pairs() -> None:
    same, different = torch.tensor([0.9, 0.5, 0.4]), torch.tensor([0.5, 0.1, 0.45, 0.4])
    order = (same[:, None] > different).float() + (same[:, None] == different).float() / 2
    assert identity.roc_auc(same, different) == pytest.approx(float(order.mean()))


def test_the_identity_network_learns_its_pairs_and_is_exported(state: Path, tmp_path: Path) -> None:
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
    network = identity.trained(state, widths)
    assert loss(network) < 0.8 * before
    assert identity.measure(network, pairs).count("AUC") == 2
    identity.export(network, tmp_path)
    loaded = load_identity(tmp_path / "identity.safetensors", CPU)
    pictures = pairs.images(places[:4])[0]
    assert_close(loaded.embed_faces(pictures), network.embed_faces(pictures), atol=0.02, rtol=0)
