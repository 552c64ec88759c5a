"""Face alignment, landmarks, and pasting a face back into its photo."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from inst.errors import ConfigError, InputError, MissingExtraError
from inst.gan.align import E4E, FFHQ, Alignment, align_face, face_quad
from inst.gan.landmarks import PROFILE_YAW_RATIO, FaceAlignmentDetector, find_faces, read_landmarks, yaw_ratio
from inst.gan.paste import paste_back
from inst.image import read_image, resize, to_pil

GOLDEN = Path(__file__).parent.parent / "golden"


def waves(height, width):
    """A smooth image (1, 3, h, w) whose values identify every position."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([torch.sin(5 * x + 2 * y), torch.cos(6 * y), torch.sin(4 * (x - y))])[None] * 0.8


@pytest.mark.parametrize("name", ["face_centre", "face_border"])
def test_alignment_matches_the_reference_output(golden, name):
    expected = golden(name)
    picture = read_image(GOLDEN / f"{name}.png").image
    aligned = align_face(picture, expected["landmarks"].double().numpy(), E4E)
    pixels = np.asarray(to_pil(aligned.image)).astype(float)
    assert np.abs(pixels - expected["aligned"].numpy()).mean() <= 0.1


def test_quad_of_an_upright_face(face_at):
    """Eyes 100 px apart, mouth 100 px below: half the side is max(2·100, 1.8·100), the centre 10 px below the eyes."""
    quad = face_quad(face_at((500, 400), 100))
    assert np.allclose(quad, [[300, 210], [300, 610], [700, 610], [700, 210]])


def test_a_rotated_face_is_aligned_upright(face_at):
    """The same scene, once rotated by 30° before alignment: the aligned images agree."""
    upright = face_at((300, 300), 40)
    rotated = face_at((300, 300), 40, np.pi / 6)
    rotation = np.array([[np.cos(np.pi / 6), np.sin(np.pi / 6)], [-np.sin(np.pi / 6), np.cos(np.pi / 6)]])
    y, x = np.mgrid[:600, :600].astype(float)
    positions = np.stack([x, y], -1) - 300

    def scene(points):
        return torch.from_numpy(
            np.stack([np.sin(points[..., 0] / 40), np.cos(points[..., 1] / 30), points[..., 0] / 600])
        )

    first = align_face(scene(positions)[None].float(), upright).image
    second = align_face(scene(positions @ np.linalg.inv(rotation))[None].float(), rotated).image
    assert (first - second).abs().max() < 0.05


def test_a_large_face_is_downsampled_before_sampling(face_at):
    """White noise averages out to grey instead of aliasing; below 4 times the output size nothing is downsampled."""
    noise = torch.rand(1, 3, 1400, 1400, generator=torch.Generator().manual_seed(0)) * 2 - 1
    landmarks = face_at((700, 700), 300)  # quad of 1200 px
    shrunk = align_face(noise, landmarks, Alignment(size=64, transform_size=64)).image
    plain = align_face(noise, landmarks, Alignment(size=601, transform_size=601)).image
    assert shrunk.std() < 0.12 < 0.3 < plain.std()


def test_downsampling_keeps_positions(face_at):
    picture = waves(1400, 1300)
    landmarks = face_at((650, 700), 250, 0.2)
    small = align_face(picture, landmarks, Alignment(size=64, transform_size=64)).image  # downsampled by 7
    large = align_face(picture, landmarks, Alignment(size=512, transform_size=512)).image
    assert (small - resize(large, 64, 64)).abs().max() < 0.06


def test_the_ffhq_variant_gives_1024_pixels_and_the_same_crop(face_at):
    picture = waves(500, 500)
    face = align_face(picture, face_at((250, 250), 50), FFHQ).image
    assert face.shape == (1, 3, 1024, 1024)
    small = align_face(picture, face_at((250, 250), 50), E4E).image
    assert (resize(face, 256, 256) - small).abs().mean() < 0.01


def test_a_face_at_the_image_border_is_padded_by_reflection(face_at):
    face = align_face(torch.full((1, 3, 200, 200), 0.5), face_at((20, 20), 40)).image
    assert (face - 0.5).abs().max() < 0.01, "without padding there would be black"


def test_the_padding_blur_extends_a_tenth_of_the_face_into_the_image(face_at):
    """A quad of 320 px extends 5 px beyond the image: the margin is 0.3 of it, a third of that is blurred inside."""
    noise = torch.rand(1, 3, 500, 500, generator=torch.Generator().manual_seed(0)).mul(255).round() / 127.5 - 1
    face = align_face(noise, face_at((154.5, 249.5), 80), Alignment(size=320, transform_size=320))
    assert np.allclose(face.quad[0], (-5.5, 97.5)), "aligned with the pixel grid, so that resampling changes nothing"
    change = (face.image[..., 5:] - noise[..., 98:418, :315]).abs().amax((0, 1, 2))
    assert change[33:].max() < 0.01 < 0.1 < change[24:28].min()


def test_pasting_a_large_face_into_a_small_quad_does_not_alias(face_at):
    noise = torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0)) * 2 - 1
    quad = face_quad(face_at((50, 50), 16))  # 64 px
    assert paste_back(torch.zeros(1, 3, 100, 100), noise, quad)[..., 40:60, 40:60].std() < 0.15


def test_pasting_back_an_unchanged_face_reproduces_the_photo(face_at):
    photo = waves(400, 380)
    aligned = align_face(photo, face_at((190, 200), 45, 0.3), Alignment(size=512, transform_size=512))
    pasted = paste_back(photo, aligned.image, aligned.quad)
    assert (pasted - photo).abs().max() < 0.02
    assert not torch.equal(pasted, photo)


def test_pasting_changes_only_the_quad_and_fades_out_at_its_edge(face_at):
    photo = waves(400, 400)
    quad = face_quad(face_at((200, 200), 50))  # 100 … 300 by 105 … 305
    pasted = paste_back(photo, torch.ones(1, 3, 64, 64), quad, feather=0.25)
    outside = torch.ones(400, 400, dtype=torch.bool)
    outside[105:307, 100:302] = False
    assert torch.equal(pasted[..., outside], photo[..., outside])
    assert (pasted[..., 200:210, 195:205] == 1).all()
    row = (pasted - photo)[0, 0, 205, 101:150] / (1 - photo)[0, 0, 205, 101:150]
    assert (row.diff() >= -1e-5).all() and row[0] < 0.01 and row[-1] > 0.95


def test_a_face_is_pasted_at_the_position_of_its_landmarks(face_at):
    """A mark at the left eye of the aligned face appears at the left eye's landmarks in the photo."""
    photo, landmarks = torch.zeros(1, 3, 300, 300), face_at((150, 140), 40, 0.4)
    aligned = align_face(photo, landmarks, Alignment(size=256, transform_size=256))
    marked = aligned.image.clone()
    # with a side of 4 eye distances, the left eye is 0.5 of one left of the centre and 0.1 above it
    marked[..., 118:126, 92:100] = 1
    pasted = paste_back(photo, marked, aligned.quad)
    y, x = (pasted[0, 0] > 0.5).nonzero().double().mean(0).tolist()
    assert np.hypot(x - landmarks[36, 0], y - landmarks[36, 1]) < 1


def test_pasting_outside_or_partly_outside_the_photo(face_at):
    photo = waves(100, 100)
    outside = face_quad(face_at((-500, -500), 20))
    assert torch.equal(paste_back(photo, torch.ones(1, 3, 32, 32), outside), photo)
    corner = face_quad(face_at((0, 0), 40))
    pasted = paste_back(photo, torch.ones(1, 3, 32, 32), corner)
    assert (pasted[..., :20, :20] - 1).abs().max() < 1e-5
    assert torch.equal(pasted[..., 86:, :], photo[..., 86:, :]), "the quad ends at x = 80, y = 84"
    assert torch.equal(pasted[..., 82:], photo[..., 82:])
    with pytest.raises(ConfigError, match=r"0 to 0\.5"):
        paste_back(photo, torch.ones(1, 3, 32, 32), corner, feather=0.7)


def test_faces_are_sorted_by_decreasing_size(face_at):
    faces = [face_at((50, 50), 10), face_at((90, 50), 30), face_at((150, 50), 20)]
    picture = torch.zeros(1, 3, 100, 200)
    assert [face[36:42].mean(0)[0] for face in find_faces(picture, lambda image: faces)] == [75, 140, 45]
    (second,) = find_faces(picture, lambda image: faces, which=1)
    assert np.array_equal(second, faces[2])
    with pytest.raises(InputError, match="face 3 was asked for, but 3 found: choose 0 to 2"):
        find_faces(picture, lambda image: faces, which=3)
    with pytest.raises(InputError, match="no face"):
        find_faces(picture, lambda image: [])


def head(yaw, roll=0.0):
    """Orthographic projection of a head: eyes 64 mm apart, tip of the nose 32 mm in front of and 40 mm below them."""
    points = np.zeros((68, 3))
    points[36:42], points[42:48], points[30] = (-32, 0, 0), (32, 0, 0), (0, 40, 32)
    yaw, roll = np.radians([yaw, roll])
    yaw_rotation = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    roll_rotation = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return (points @ yaw_rotation.T)[:, :2] @ roll_rotation.T


@pytest.mark.parametrize("roll", [0, 40])
def test_profiles_are_distinguished_from_frontal_faces(roll):
    """With a nose that protrudes by half the distance between the eyes, the ratio is the tangent of the yaw angle."""
    for yaw in (0, 10, -30, 60, -80):
        assert yaw_ratio(head(yaw, roll)) == pytest.approx(abs(np.tan(np.radians(yaw))), abs=1e-9)
        assert (yaw_ratio(head(yaw, roll)) >= PROFILE_YAW_RATIO) == (abs(yaw) >= 60)


def test_landmarks_from_files(face_at, tmp_path):
    faces = [face_at((50, 50), 10).round(3), face_at((90, 50), 30).round(3)]
    np.save(tmp_path / "one.npy", faces[0].astype(np.float32))
    np.save(tmp_path / "two.npy", np.stack(faces))
    (tmp_path / "two.json").write_text(json.dumps([face.tolist() for face in faces]))
    (tmp_path / "one.txt").write_text("\n".join(f"{x}, {y}" for x, y in faces[0]))
    assert np.allclose(read_landmarks(tmp_path / "one.npy"), faces[:1])
    assert np.allclose(read_landmarks(tmp_path / "two.npy"), faces)
    assert np.allclose(read_landmarks(tmp_path / "two.json"), faces)
    assert np.allclose(read_landmarks(tmp_path / "one.txt"), faces[:1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"1 2 3", "68 points"),
        ("a.txt", b"hello", "68 points"),
        ("a.json", b'{"x": 1}', "no list of points"),
        ("a.json", b"[[1, 2]]", "68 points"),
        ("a.npy", b"\x93NUMPY nothing", "damaged"),
        ("a.npy", b"\x00\x01\x02", "not a NumPy array"),
    ],
)
def test_invalid_landmark_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_landmarks(tmp_path / name)


def test_an_array_of_python_objects_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="unsafe"):
        read_landmarks(tmp_path / "a.npy")


def test_landmarks_that_do_not_describe_a_face_are_refused(face_at):
    picture = torch.zeros(1, 3, 64, 64)
    with pytest.raises(InputError, match="NaN"):
        align_face(picture, np.full((68, 2), np.nan))
    with pytest.raises(InputError, match="no face"):
        align_face(picture, np.zeros((68, 2)))


def test_the_detector_names_the_extra_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"inst\[faces\]\""):
        FaceAlignmentDetector()


def test_the_detector_returns_the_landmarks_found_by_the_package(monkeypatch, face_at):
    seen = []

    class FaceAlignment:
        def __init__(self, points, **options):
            assert points == "2d"

        def get_landmarks_from_image(self, pixels):
            seen.append(pixels)
            return [face_at((30, 30), 10).astype(np.float32)] if pixels.max() else None

    module = types.SimpleNamespace(FaceAlignment=FaceAlignment, LandmarksType=types.SimpleNamespace(TWO_D="2d"))
    monkeypatch.setitem(sys.modules, "face_alignment", module)
    detector = FaceAlignmentDetector()
    (face,) = detector(torch.ones(1, 3, 50, 60))
    assert np.allclose(face, face_at((30, 30), 10), atol=1e-4)
    assert seen[0].shape == (50, 60, 3) and seen[0].dtype == np.uint8
    assert detector(-torch.ones(1, 3, 50, 60)) == []
