"""`python -m evaluation compare`: PSNR and SSIM of picture files."""

import re

import numpy as np
import pytest
from picture_files import noise, photograph, png
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from evaluation import compare
from evaluation.__main__ import main
from tf_denoise.pictures.files import read_picture, to_unit


@pytest.fixture
def folders(tmp_path):
    """Clean and denoised pictures: one of 8 and one of 16 bits."""
    clean, denoised = tmp_path / "clean", tmp_path / "denoised"
    photograph(clean / "deep" / "a.png", 60, 45)
    pixels = read_picture(clean / "deep" / "a.png").values
    (denoised / "deep").mkdir(parents=True)
    changed = np.clip(pixels.astype(int) + noise(60, 45) % 20 - 10, 0, 255).astype("uint8")
    Image.fromarray(changed).save(denoised / "deep" / "a.tif")
    png(clean / "b.png", noise(30, 20, 1, "uint16"), 0, bits=16)
    png(denoised / "b.png", noise(30, 20, 1, "uint16") // 2, 0, bits=16)
    return clean, denoised


def values(path):
    return to_unit(read_picture(path).values)


@pytest.mark.parametrize("pixels", [4_000_000, 500])
def test_the_measures_are_those_of_scikit_image(pixels, folders, capsys, monkeypatch):
    monkeypatch.setattr(compare, "_SSIM_ROWS", pixels)  # in one piece, and in strips
    clean, denoised = folders
    main(["compare", str(clean), str(denoised)])
    lines = capsys.readouterr().out.splitlines()
    psnrs = []
    for line, (name, other) in zip(lines, [("b.png", "b.png"), ("deep/a.png", "deep/a.tif")], strict=False):
        one, two = values(clean / name), values(denoised / other)
        psnrs.append(peak_signal_noise_ratio(one, two, data_range=1))
        similarity = structural_similarity(
            one, two, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=-1,
            full=True,
        )[1][5:-5, 5:-5].mean()  # fmt: skip
        found = line.replace(",", "").split()
        assert (found[0], found[3]) == (f"{name}:", "dB")
        assert float(found[2]) == pytest.approx(psnrs[-1], abs=0.006)
        assert float(found[5]) == pytest.approx(similarity, abs=1e-4)
    assert lines[2].startswith(f"mean of 2: PSNR {np.mean(psnrs):.2f} dB, SSIM 0.")


def test_of_two_files_of_one_stem_each_has_its_own_partner(tmp_path, capsys):
    for folder in ("clean", "denoised"):
        for name in ("a.png", "a.bmp"):
            photograph(tmp_path / folder / name, 30, 20, seed=len(name + folder) if name == "a.bmp" else 0)
    photograph(tmp_path / "clean" / "b.png", 30, 20)
    for name in ("b.bmp", "b.tif"):  # which of them?
        photograph(tmp_path / "denoised" / name, 30, 20)
    with pytest.raises(SystemExit):
        main(["compare", str(tmp_path / "clean"), str(tmp_path / "denoised")])
    seen = capsys.readouterr()
    assert [line.split(":")[0] for line in seen.out.splitlines()[:2]] == ["a.bmp", "a.png"]
    assert "a.png: PSNR 100.00 dB" in seen.out
    for name in ("clean/b.png", "denoised/b.bmp", "denoised/b.tif"):
        assert f"{tmp_path / name} has no partner" in seen.out + seen.err


def test_two_files_are_compared_and_equal_ones_have_100_db(tmp_path, capsys):
    path = photograph(tmp_path / "a.png", 8, 40)
    main(["compare", str(path), str(path)])
    assert capsys.readouterr().out.splitlines()[0] == "a.png: PSNR 100.00 dB, no SSIM (smaller than 11 x 11)"


def test_what_cannot_be_compared_is_told_and_the_rest_is_compared(folders, capsys):
    clean, denoised = folders
    photograph(clean / "alone.png")
    photograph(denoised / "other.png")
    photograph(clean / "size.png", 20, 30)
    photograph(denoised / "size.png", 20, 31)
    (clean / "bad.png").write_text("no picture")
    photograph(denoised / "bad.png")
    with pytest.raises(SystemExit) as end:
        main(["compare", str(clean), str(denoised)])
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert "mean of 2: " in printed.out
    assert printed.err.splitlines() == [
        f"error: {clean}/alone.png has no partner of the same name in {denoised}.",
        f"error: {clean}/bad.png is not a picture in PNG, JPEG, BMP or TIFF format.",
        f"error: {clean}/size.png is 30 x 20 pixels of 3 channels and {denoised}/size.png 31 x 20 pixels of 3 "
        "channels; expected the same.",
        f"error: {denoised}/other.png has no partner of the same name in {clean}.",
    ]


def test_when_nothing_can_be_compared_the_status_is_2(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = photograph(tmp_path / "c" / "one.png")
    for clean, denoised, sentence in (
        ("a", "b", "holds a picture"),
        ("a", "gone", "gone does not exist; expected a picture or a folder of pictures"),
        ("a", one, "Compare two pictures or two folders"),
        ("c", "a", r"No picture could be compared \(1 failed\)"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["compare", str(tmp_path / clean), str(tmp_path / denoised)])
        assert end.value.code == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ")
        assert re.search(sentence, error)
