"""What `--noisy` learns from: crops whose noise is that of the photographs, also where it has a direction."""

import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from tf_denoise.data.parts import Parts
from training.textures.noisy_only import choose_lesson

AXIS = {"rows": 1, "columns": 0}


def noisy_greys(folder, along, seed):
    """Grey fields under noise that neighbours share along an axis."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(20):
        noise = scipy.ndimage.uniform_filter1d(random.standard_normal((96, 96, 3)), 3, axis=AXIS[along], mode="wrap")
        values = 90 + 4 * number + 15 * noise / noise.std()
        Image.fromarray(np.round(values).astype("uint8")).save(folder / f"{number}.png")
    return folder


def first_batch(tmp_path, along, twins):
    folders = {"noisy": noisy_greys(tmp_path / "one", along, 1)}
    if twins:
        folders = {"clean": noisy_greys(tmp_path / "two", along, 2), **folders}
    else:
        folders = {"data": folders["noisy"]}
    data = Parts(**folders, crop_size=32, batch_size=32)
    lesson = choose_lesson(data, "auto")
    return lesson, [part.numpy() for part in next(iter(lesson.batches(data, seed=0, start_step=0)))]


def correlations(crops):
    """Of the noise of neighbours in a row and in a column, of each crop."""
    noise = crops - crops.mean(axis=(1, 2), keepdims=True)
    power = (noise**2).mean(axis=(1, 2, 3))
    return [
        (noise[:, 1:] * noise[:, :-1]).mean(axis=(1, 2, 3)) / power
        if axis == 0
        else (noise[:, :, 1:] * noise[:, :, :-1]).mean(axis=(1, 2, 3)) / power
        for axis in (1, 0)
    ]


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_no_crop_has_its_noise_in_another_direction(tmp_path, along, twins):
    """Were it turned by a quarter, lines would be hidden across the noise, and the network would hand it through."""
    lesson, batch = first_batch(tmp_path, along, twins)
    assert (lesson.method, lesson.along) == ("noise2noise" if twins else "noise2void", along)
    target = batch[1]
    in_rows, in_columns = correlations(target)
    shared, free = (in_rows, in_columns) if along == "rows" else (in_columns, in_rows)
    assert shared.min() > 0.4
    assert free.max() < 0.3
    if not twins:
        weight = batch[2]
        assert (weight == (weight[:, :, :1] if along == "rows" else weight[:, :1])).all()
