"""The clean partners of noisy photographs that a network is tested on: files, and planes of stacks."""

import numpy as np
import pytest
import tifffile

from evaluation.textures.noisy_only import clean_partners, with_clean
from tf_denoise.data.parts import Parts
from tf_denoise.errors import InputError

PLANES = 4


@pytest.fixture
def noisy(tmp_path):
    """Three stacks of four planes, all different."""
    return write(tmp_path / "noisy", planes)


def planes(number, count=PLANES, side=24):
    return np.random.default_rng(number).integers(0, 256, (count, side, side), dtype="uint8")


def write(folder, image):
    """A folder of three files, each what `image(number)` gives."""
    folder.mkdir()
    for number in range(3):
        tifffile.imwrite(folder / f"{number}.tif", image(number), photometric="minisblack")
    return folder


def parts_of(noisy):
    others = write(noisy.parent / "others", lambda number: planes(number + 3))
    return Parts(data=others, test=noisy, crop_size=16)


def test_the_partner_of_a_plane_is_the_same_plane_of_the_clean_stack(noisy, tmp_path):
    parts = parts_of(noisy)
    found = clean_partners(parts, write(tmp_path / "clean", lambda number: 255 - planes(number)))
    assert len(found) == 3 * PLANES
    for name, (image, clean) in with_clean(parts, found):
        assert found[name].plane == int(name[-4:])
        np.testing.assert_allclose(image + clean, 1, atol=1e-6)


def test_a_scene_that_rests_has_one_clean_picture(noisy, tmp_path):
    parts = parts_of(noisy)
    found = clean_partners(parts, write(tmp_path / "clean", lambda number: planes(number)[0]))
    clean = {name: partner for name, (_, partner) in with_clean(parts, found)}
    for number in range(3):
        for plane in range(PLANES):
            np.testing.assert_allclose(clean[f"{number}.tif/{plane:04}"][..., 0], planes(number)[0] / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (lambda number: planes(number, PLANES - 1), "has 3 planes and its noisy partner 4: the two of a pair"),
        (lambda number: planes(number, side=32), "is 32 x 32 pixels and its noisy partner 24 x 24"),
    ],
)
def test_stacks_that_do_not_fit_are_refused(noisy, tmp_path, image, message):
    with pytest.raises(InputError, match=message):
        clean_partners(parts_of(noisy), write(tmp_path / "clean", image))


def test_a_clean_stack_is_no_partner_of_one_picture(tmp_path):
    noisy = write(tmp_path / "noisy", lambda number: planes(number)[0])
    with pytest.raises(InputError, match="has 4 planes and its noisy partner 1"):
        clean_partners(parts_of(noisy), write(tmp_path / "clean", planes))


def test_the_partner_of_twins_is_that_of_the_plane_that_is_denoised(noisy, tmp_path):
    """Of neighbouring planes that are twins the earlier one is denoised."""
    others = write(tmp_path / "others", lambda number: planes(number, 12))
    parts = Parts(data=others, crop_size=16, next_plane=True)
    found = clean_partners(parts, write(tmp_path / "clean", lambda number: 255 - planes(number, 12)))
    pairs = list(with_clean(parts, found))
    assert pairs
    for _, (image, clean) in pairs:
        np.testing.assert_allclose(image + clean, 1, atol=1e-6)


def test_a_stack_without_a_partner_is_named(noisy, tmp_path):
    clean = write(tmp_path / "clean", planes)
    (clean / "1.tif").unlink()
    with pytest.raises(
        InputError, match=r"^1\.tif has no clean partner of the same name .* each of the 3 files to test on"
    ):
        clean_partners(parts_of(noisy), clean)
