import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from loss_cases import random_pair

from tf_denoise.losses import SharpnessCache, build_sharpness_cache, load_sharpness_cache, sharpness_scores


def write_picture(path, seed, size=(16, 20)):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    return pixels / np.float32(255)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clean"
    for seed, name in enumerate(["b.png", "a.PNG", "deeper/b.png"]):
        folder.mkdir(exist_ok=True)
        write_picture(folder / name, seed)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder_gives_file_names_and_their_windows(folder):
    cache = build_sharpness_cache(folder, window_size=8)
    assert list(cache) == ["a.PNG", "b.png", "deeper/b.png"]
    assert isinstance(cache, SharpnessCache)
    pixels = tf.io.decode_png((folder / "b.png").read_bytes()).numpy()[None] / np.float32(255)
    scores = sharpness_scores(pixels, 8).numpy()[0]
    assert [(row, column) for row, column, _ in cache["b.png"]] == [(r, c) for r in (0, 4, 8) for c in (0, 4, 8, 12)]
    np.testing.assert_allclose([score for *_, score in cache["b.png"]], scores.ravel(), rtol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 3, 32])
def test_pairs_of_several_sizes_are_scored_alike_however_they_are_batched(batch_size):
    images = [random_pair((1, 16, width, 1), width)[0][0] for width in (16, 16, 16, 20, 16)]
    cache = build_sharpness_cache([(str(i), x) for i, x in enumerate(images)], 8, 3, batch_size=batch_size)
    for i, image in enumerate(images):
        expected = sharpness_scores(image[None], 8, 3).numpy().ravel()
        np.testing.assert_allclose([score for *_, score in cache[str(i)]], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="differ in size"):
        cache.sorted_scores(["0", "3"])


def test_a_dataset_gives_what_a_list_gives():
    images, _ = random_pair((3, 16, 16, 2))
    names = ["x", "y", "z"]
    dataset = tf.data.Dataset.from_tensor_slices((names, images))
    scores = build_sharpness_cache(dataset, 8).sorted_scores(names)
    assert scores.shape == (3, 9)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(
        scores, build_sharpness_cache(zip(names, images, strict=True), 8).sorted_scores(names)
    )
    np.testing.assert_array_equal(scores, -np.sort(-scores, axis=1))


def test_pictures_are_read_as_the_user_says(folder):
    def darker(path):
        return keras.utils.img_to_array(keras.utils.load_img(path)) / 510

    bright, dark = build_sharpness_cache(folder, 8), build_sharpness_cache(folder, 8, read=darker)
    np.testing.assert_allclose(2 * dark.sorted_scores(dark), bright.sorted_scores(bright), rtol=1e-5)


def test_sixteen_bits_are_kept(tmp_path):
    pixels = (np.arange(64, dtype=np.uint16) + 30000).reshape(8, 8, 1)
    (tmp_path / "deep.png").write_bytes(tf.io.encode_png(pixels).numpy())
    score = build_sharpness_cache(tmp_path, 8)["deep.png"][0][2]
    assert score == pytest.approx(float(sharpness_scores(pixels[None] / 65535, 8)[0, 0, 0]), rel=1e-3)


def test_a_saved_cache_comes_back_without_pickles(folder, tmp_path):
    cache = build_sharpness_cache(folder, 8)
    cache.save(tmp_path / "scores.npz")
    again = load_sharpness_cache(tmp_path / "scores.npz", 8, source=folder)
    assert dict(again) == dict(cache)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["scores.npz"]
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as file:
        assert all(file[key].dtype != object for key in file.files)


def test_a_changed_file_makes_the_cache_stale(folder, tmp_path):
    build_sharpness_cache(folder, 8).save(tmp_path / "scores.npz")
    write_picture(folder / "b.png", seed=99, size=(16, 24))
    with pytest.raises(ValueError, match=r"stale: 'b\.png' changed since it was built"):
        load_sharpness_cache(tmp_path / "scores.npz", 8, source=folder)


def test_a_change_that_keeps_the_size_is_noticed_and_a_copy_is_not_taken_for_one(folder, tmp_path):
    build_sharpness_cache(folder, 8).save(tmp_path / "scores.npz")
    picture = folder / "b.png"
    content = picture.read_bytes()
    os.utime(picture, ns=(1, 1))
    assert len(load_sharpness_cache(tmp_path / "scores.npz", 8, source=folder)) == 3
    picture.write_bytes(content[:-1] + b"\0")
    with pytest.raises(ValueError, match=r"stale: 'b\.png' changed"):
        load_sharpness_cache(tmp_path / "scores.npz", 8, source=folder)


def test_a_changed_image_of_a_dataset_is_noticed():
    images, others = random_pair((2, 16, 16, 1))
    cache = build_sharpness_cache(zip("ab", images, strict=True), 8)
    cache.check(zip("ab", images, strict=True))
    with pytest.raises(ValueError, match=r"stale: 'b' changed"):
        cache.check([("a", images[0]), ("b", others[1])])


def test_a_cache_that_lacks_a_file_is_foreign(folder, tmp_path):
    cache = build_sharpness_cache(folder, 8)
    cache.save(tmp_path / "scores.npz")
    write_picture(folder / "new.png", seed=7)
    message = "holds no scores for 'new.png'; it holds 3 images, such as 'a.PNG', .* another folder"
    with pytest.raises(ValueError, match=message):
        load_sharpness_cache(tmp_path / "scores.npz", 8, source=folder)
    with pytest.raises(ValueError, match=message):
        cache.sorted_scores(["b.png", "new.png"])
    with pytest.raises(ValueError, match="holds no scores for 'q'"):
        cache.check([("q", np.zeros((16, 16, 1)))])


@pytest.mark.parametrize(("window_size", "step_size"), [(16, None), (8, 8)])
def test_a_cache_of_another_window_is_refused(folder, tmp_path, window_size, step_size):
    build_sharpness_cache(folder, 8).save(tmp_path / "scores.npz")
    message = f"window_size=8, step_size=4; expected window_size={window_size}, step_size=8. Build it again"
    with pytest.raises(ValueError, match=message):
        load_sharpness_cache(tmp_path / "scores.npz", window_size, step_size)


def test_another_file_is_no_cache(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "arrays.npz", names=np.zeros(3))
    (tmp_path / "text.npz").write_text("scores")
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    for name in ("array.npy", "arrays.npz", "text.npz", "pickle.npy"):
        with pytest.raises(ValueError, match=f"{name} is not a sharpness cache: expected an .npz file"):
            load_sharpness_cache(tmp_path / name, 8)
    with pytest.raises(FileNotFoundError):
        load_sharpness_cache(tmp_path / "absent.npz", 8)


def test_refuses_sources_without_images_or_with_one_name_twice(tmp_path):
    image = np.zeros((16, 16, 1))
    with pytest.raises(ValueError, match="There is no image to score"):
        build_sharpness_cache(tmp_path, 8)
    with pytest.raises(ValueError, match="There is no image to score"):
        build_sharpness_cache([], 8)
    with pytest.raises(ValueError, match="is not a folder of pictures"):
        build_sharpness_cache(tmp_path / "absent", 8)
    with pytest.raises(ValueError, match="Two images have one name: 'a'"):
        build_sharpness_cache([("a", image), ("b", image), ("a", image)], 8)
    with pytest.raises(ValueError, match="Two images have one name: 'a'"):
        build_sharpness_cache([("a", image), ("b", image), ("a", image)], 8, batch_size=1)


def test_names_the_image_that_cannot_be_scored():
    with pytest.raises(ValueError, match=r"'small\.png' cannot be scored\. The images are smaller than the window"):
        build_sharpness_cache([("small.png", np.zeros((7, 16, 1)))], 8)
    with pytest.raises(ValueError, match=r"'flat\.png' cannot be scored\. `images` is a batch of images"):
        build_sharpness_cache([("flat.png", np.zeros((16, 16)))], 8)
