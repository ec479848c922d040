"""One rule for partners, and the folders they lie in: linked, large, with names of any bytes."""

import os
import time
from pathlib import Path, PurePath

import pytest
from picture_files import photograph

from tf_denoise.errors import InputError
from tf_denoise.pictures.files import find_pictures, shown
from tf_denoise.pictures.partners import clean_partner, match_partners


def matched(clean, others):
    found = match_partners([PurePath(name) for name in clean.split()], [PurePath(name) for name in others.split()])
    pairs = [f"{one.as_posix()}={other.as_posix()}" for one, other in found.pairs.items()]
    alone = (" ".join(place.as_posix() for place in side) for side in (found.clean_alone, found.other_alone))
    return " ".join(pairs), *alone


@pytest.mark.parametrize(
    ("clean", "others", "expected"),
    [
        ("a.png", "a.png", ("a.png=a.png", "", "")),
        ("a.png", "a.JPG", ("a.png=a.JPG", "", "")),
        ("a_raw.png b.png", "a_noised.jpg b_noised.png", ("a_raw.png=a_noised.jpg b.png=b_noised.png", "", "")),
        ("a_raw.png a_noised.png", "a_raw.png a_noised.png", ("a_raw.png=a_noised.png", "", "")),
        ("x/a.png y/a.png", "y/a.tif x/a.tif", ("x/a.png=x/a.tif y/a.png=y/a.tif", "", "")),
        ("a.png", "x/a.png", ("", "a.png", "x/a.png")),
        ("a.png a.bmp", "a.png a.bmp", ("a.png=a.png a.bmp=a.bmp", "", "")),
        ("a.png a.bmp", "a.png a.tif", ("a.png=a.png a.bmp=a.tif", "", "")),
        ("a.png", "a.bmp a.tif", ("", "a.png", "a.bmp a.tif")),
        ("a.b.png a.c.png", "a.c.tif", ("a.c.png=a.c.tif", "a.b.png", "")),
        ("_raw.png", "_raw.png _noised.png", ("", "_raw.png", "_noised.png")),
    ],
)
def test_partners_have_one_name_but_for_suffix_and_ending(clean, others, expected):
    assert matched(clean, others) == expected


def test_pictures_that_crowd_are_named():
    found = match_partners([PurePath("a.png")], [PurePath("a.bmp"), PurePath("a_noised.tif")])
    assert found.crowded == (PurePath("a.bmp"), PurePath("a_noised.tif"))
    assert match_partners([PurePath("a.png")], [PurePath("b.png")]).crowded is None


def test_the_partner_of_one_picture_follows_the_same_rule(tmp_path):
    for name in ("a_raw.png", "b.tif", "notes.txt"):
        (tmp_path / name).touch()
    assert clean_partner("a_noised.jpg", tmp_path) == tmp_path / "a_raw.png"
    assert clean_partner("b.png", tmp_path) == tmp_path / "b.tif"
    with pytest.raises(
        InputError, match=r"has no clean picture for notes\.png; expected one of that name, or NAME_raw"
    ):
        clean_partner("notes.png", tmp_path)


def test_twenty_thousand_pictures_are_matched_at_once():
    places = [PurePath(f"{index}.png") for index in range(20_000)]
    others = [PurePath(f"{index}_noised.jpg") for index in range(20_000)]
    before = time.process_time()
    assert len(match_partners(places, others[5:]).pairs) == 19_995
    assert time.process_time() - before < 3  # about 0.3


def test_linked_folders_are_followed_once_and_never_in_circles(tmp_path):
    photograph(tmp_path / "away" / "deep" / "a.png")
    photograph(tmp_path / "in" / "own" / "b.png")
    folder = tmp_path / "in"
    (folder / "a-link").symlink_to(folder / "own")  # lies in the folder itself
    (folder / "away").symlink_to(tmp_path / "away")
    (folder / "own" / "circle").symlink_to(folder)
    (tmp_path / "away" / "back").symlink_to(folder)
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    found = [path.relative_to(folder).as_posix() for path in find_pictures(folder)]
    assert found == ["away/deep/a.png", "own/b.png"]
    (tmp_path / "to-folder").symlink_to(folder)
    assert len(find_pictures(tmp_path / "to-folder")) == 2


def test_names_of_any_bytes_are_found_and_shown(tmp_path):
    name = os.fsdecode(b"caf\xe9 \xff.png")
    photograph(tmp_path / name)
    [path] = find_pictures(tmp_path)
    assert path.name == name
    assert shown(path) == f"{tmp_path}/caf\\xe9 \\xff.png"
    assert shown(Path("café.png")) == "café.png"
    shown(path).encode()
