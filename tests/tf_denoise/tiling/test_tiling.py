"""Tiles: their geometry, and pictures put together from them."""

import itertools
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from network_checks import gentle_net, noisy_images, with_random_weights
from picture_files import noise
from skimage import data

from tf_denoise.models import DenseAutoencoder, UNet, ViTUNet, small_vit
from tf_denoise.pictures.files import from_unit, to_unit
from tf_denoise.tiling import TiledDenoiser, denoise_image, predict
from tf_denoise.tiling.exact import exact_float32
from tf_denoise.tiling.geometry import blend_weights, tile_spans, turned, turned_back
from tf_denoise.tiling.reach import device_noise, measure_reach

AXES = st.tuples(
    st.integers(1, 700), st.integers(1, 12), st.integers(0, 90), st.sampled_from([1, 2, 8, 16]), st.integers(0, 60)
)
IDENTITY = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Activation("linear")])
GREY_IDENTITY = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Activation("linear")])


def laid(size, steps, overlap, stride):
    tile = -(-overlap // stride) * stride + steps * stride
    return tile, tile_spans(size, tile, overlap, stride)


@given(AXES)
def test_tiles_cover_the_axis_and_keep_the_rules(axis):
    size, steps, overlap, stride, _ = axis
    tile, spans = laid(size, steps, overlap, stride)
    assert (spans[0].start, spans[-1].stop) == (0, size)
    assert all(span.start % stride == 0 and 0 < span.stop - span.start <= tile for span in spans)
    for before, after in itertools.pairwise(spans):
        assert before.start < after.start
        assert overlap <= before.stop - after.start < overlap + stride
        assert (before.stop - before.start) % stride == 0
    assert len(spans) <= 1 + max(0, -(-(size - tile) // (steps * stride)))  # as few as this tile allows


@given(AXES)
def test_the_weights_of_a_pixel_add_up_to_one_and_cuts_count_nothing(axis):
    size, steps, overlap, stride, margin = axis
    _, spans = laid(size, steps, overlap, stride)
    total = np.zeros(size)
    for span, weights in zip(spans, blend_weights(spans, margin), strict=True):
        assert weights.shape == (span.stop - span.start,)
        assert weights.min() >= 0
        total[slice(*span)] += weights
        shared = min(margin, overlap // 2)
        assert span.start == 0 or not weights[:shared].any()
        assert span.stop == size or not weights[len(weights) - shared :].any()
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_weights_change_over_slowly_where_there_is_room():
    spans = tile_spans(100, 60, 20)
    first, second = blend_weights(spans, 5)
    np.testing.assert_allclose(np.diff(first[46:54]), -0.1, atol=1e-6)
    assert set(blend_weights(spans, 10)[1].tolist()) == {0.0, 1.0}
    assert len(second) == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8, 0, 1), "received size=0, tile=8, overlap=0, stride=1"),
        ((9, 8, -1, 1), "no negative overlap; received size=9, tile=8, overlap=-1"),
        (
            (90, 48, 40, 16),
            "A tile of 48 pixels leaves nothing beside an overlap of 48; expected a tile of at least 64",
        ),
    ],
)
def test_impossible_tiles_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tile_spans(*arguments)


@settings(max_examples=40)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 3), st.integers(0, 24), st.integers(0, 9))
def test_the_identity_is_stitched_back_at_odd_sizes(height, width, steps, overlap, seed):
    rng = np.random.default_rng(seed)
    picture = rng.normal(0.5, 0.3, (height, width, 3)).astype("float32")
    denoiser = TiledDenoiser(IDENTITY, tile=32 * (steps + -(-overlap // 32)), overlap=overlap)
    denoiser.stride, before = (1 + seed), picture.copy()
    np.testing.assert_allclose(denoiser(picture), picture, atol=1e-6)
    np.testing.assert_array_equal(picture, before)
    deep = rng.integers(0, 65536, (height, width, 3), "uint16")
    np.testing.assert_array_equal(denoiser(deep), deep)


@pytest.mark.parametrize(
    ("make", "tile", "overlap", "size"),
    [
        (lambda: UNet(3, (4, 6, 8), blocks=1), 256, None, (301, 290)),
        (lambda: UNet(1, (4, 6, 8), "plain", blocks=1, skips="concat", stem=1), 128, None, (133, 257)),
        (lambda: UNet(3), 256, None, (300, 290)),
    ],
    ids=["residual", "plain", "default"],
)
def test_tiles_give_what_the_whole_picture_gives(make, tile, overlap, size):
    model = with_random_weights(make())
    picture = noisy_images(1, *size, model.channels)[0]
    whole = model(picture[None])[0].numpy()
    denoiser = TiledDenoiser(model, tile, overlap)
    assert 2 * denoiser.reach <= denoiser.overlap < tile
    np.testing.assert_allclose(denoiser(picture), whole, atol=1e-5)


def test_without_options_a_picture_larger_than_a_tile_is_that_of_one_piece():
    model = with_random_weights(UNet(1, (4, 6), blocks=1))
    denoiser = TiledDenoiser(model)
    assert predict.LEAST_TILE <= denoiser.tile < 700
    picture = noisy_images(1, 530, 1101, 1)[0]
    np.testing.assert_allclose(denoise_image(model, picture), model(picture[None])[0], atol=1e-5)


def test_the_reach_is_measured_with_the_weights_and_bounded_by_the_layers():
    # Two 3x3 convolutions feel a cut two pixels away; a kernel whose far weights are zero, not at all.
    def net(kernel):
        layer = keras.layers.Conv2D(1, 3, padding="same", use_bias=False)
        model = keras.Sequential([keras.Input((None, None, 1)), layer, keras.layers.Conv2D(1, 3, padding="same")])
        with_random_weights(model)
        layer.set_weights([np.array(kernel, "float32").reshape(3, 3, 1, 1)])
        return TiledDenoiser(model)

    assert net(np.ones((3, 3))).reach == 2
    assert net([[0, 0, 0], [0, 1, 0], [0, 0, 0]]).reach == 1
    assert TiledDenoiser(IDENTITY).reach == 0
    assert TiledDenoiser(UNet(1, (4, 6))).reach == 0  # untrained, it is the identity


@pytest.mark.parametrize("noise_of_device", [0.0, 1e-6, 1e-5, 1e-4])
@pytest.mark.parametrize("kind", ["random", "of the shape"])
def test_the_reach_is_found_on_a_device_that_does_not_repeat_its_results(noise_of_device, kind):
    """As a GPU, which adds up in another order each time, or chooses another algorithm for another shape."""
    kernel = np.random.default_rng(1).uniform(0.05, 0.15, (1, 9, 9, 1)).astype("float32")[0, ..., None]
    rng = np.random.default_rng(0)

    def device(images):
        result = tf.nn.conv2d(images, kernel, 1, "SAME").numpy()
        own = rng if kind == "random" else np.random.default_rng(result.size)
        return result + own.uniform(-noise_of_device, noise_of_device, result.shape).astype("float32")

    assert measure_reach(device, 1, 8) == 4
    assert device_noise(device, np.ones((64, 64, 1), "float32")) <= 2.1 * noise_of_device + 1e-6


def test_a_network_that_feels_a_cut_everywhere_does_so_on_such_a_device_too():
    rng = np.random.default_rng(0)

    def device(images):
        return images * 0.5 + images.mean() + rng.uniform(-1e-5, 1e-5, images.shape).astype("float32")

    assert measure_reach(device, 1, 8) is None


def test_pictures_are_denoised_without_tensorfloat_32_and_what_was_set_comes_back():
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    seen = []
    denoiser = TiledDenoiser(IDENTITY)
    denoiser._predict = lambda images: seen.append(enabled()) or tf.constant(images)
    for before in (True, False):
        tf.config.experimental.enable_tensor_float_32_execution(before)
        try:
            denoiser(noise(20, 20, 3))
            assert denoiser.reach == 0
            assert enabled() is before
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(True)
    assert set(seen) == {False}
    with exact_float32():
        with pytest.raises(KeyError), exact_float32():
            raise KeyError
        assert not enabled()  # the outer block goes on
    assert enabled()


def test_tiles_are_chosen_where_the_system_does_not_tell_its_memory(monkeypatch):
    here = TiledDenoiser(IDENTITY).tile
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert TiledDenoiser(IDENTITY).tile == here


@pytest.mark.slow
def test_the_seam_of_a_network_with_attention_is_small():
    """Each tile shows the transformer another picture: the tiles differ everywhere, and are blended."""
    keras.utils.set_random_seed(0)
    model = ViTUNet(small_vit(image_size=32, layers=1, width=16), 1, (8, 12))
    rng = np.random.default_rng(0)
    model.get_layer("head").set_weights([rng.normal(0, 0.05, (3, 3, 8, 4))])
    last = model.get_layer("vit_projection2")  # zero in a fresh network: the tokens would change nothing
    last.set_weights([rng.normal(0, 0.01, weights.shape) for weights in last.get_weights()])
    denoiser = TiledDenoiser(model, tile=256)
    assert denoiser.reach is None
    assert denoiser.overlap == predict.GLOBAL_OVERLAP
    y, x = np.mgrid[:256, :384] / 384
    picture = (0.5 + 0.4 * np.sin(5 * x) * np.cos(4 * y))[..., None].astype("float32")

    def largest_step(denoise):
        """The largest mean step between two columns of what was changed, against the usual one."""
        steps = np.abs(np.diff(denoise(picture) - picture, axis=1)).mean(axis=(0, 2))[16:-16]
        return steps.max() / np.median(steps)

    assert largest_step(TiledDenoiser(model, tile=256, overlap=0)) > 2  # the tiles do differ
    assert largest_step(denoiser) < 1.5  # as in the whole picture, 1.3


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(140, 37), (140, 37, 1), (140, 37, 3)])
def test_type_and_shape_are_given_back(dtype, shape):
    values = np.random.default_rng(0).uniform(0.1, 0.9, shape)
    picture = from_unit(values, dtype) if dtype[0] == "u" else values.astype(dtype)
    before = picture.copy()
    result = denoise_image(IDENTITY, picture, tile=64, overlap=4)
    assert (result.shape, result.dtype) == (shape, dtype)
    np.testing.assert_allclose(result, picture, atol=0 if dtype[0] == "u" else 1e-6, rtol=1e-3)
    np.testing.assert_array_equal(picture, before)


def test_integers_are_rounded_and_kept_in_their_range():
    brighter = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Rescaling(1.0, 0.5)])
    picture = np.array([[0, 1], [200, 255]], "uint8")
    assert denoise_image(brighter, picture).tolist() == [[128, 128], [255, 255]]  # 127.5 is rounded to even
    assert denoise_image(brighter, to_unit(picture)).max() == pytest.approx(1.5)
    twelve = np.array([[0, 4095]], "uint16")
    assert denoise_image(brighter, twelve, value_range=(0, 4095)).tolist() == [[2048, 4095]]
    signed = np.array([[-1.0, 1.0]], "float32")
    assert denoise_image(brighter, signed, value_range=(-1, 1)).tolist() == [[0.0, 2.0]]


def test_the_network_sees_values_from_0_to_1():
    seen = []
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Activation("linear")])
    denoiser = TiledDenoiser(model)
    denoiser._predict = lambda images: seen.append(images) or tf.constant(images)
    picture = noise(20, 20, 1)
    denoiser(picture)
    np.testing.assert_array_equal(seen[0][0], to_unit(picture))


def test_grey_pictures_go_through_colour_networks_and_the_reverse():
    model = with_random_weights(UNet(3, (4, 6), blocks=1))
    grey = noisy_images(1, 30, 41, 1)[0]
    expected = model(np.repeat(grey, 3, -1)[None])[0].numpy().mean(-1, keepdims=True)
    np.testing.assert_allclose(denoise_image(model, grey), expected, atol=1e-5)
    np.testing.assert_allclose(denoise_image(model, grey[..., 0]), expected[..., 0], atol=1e-5)
    model = with_random_weights(UNet(1, (4, 6), blocks=1))
    colour = noisy_images(1, 30, 41, 3)[0]
    planes = [model(colour[None, ..., c : c + 1])[0].numpy() for c in range(3)]
    np.testing.assert_allclose(denoise_image(model, colour), np.concatenate(planes, -1), atol=1e-5)


def exhausted_above(denoiser, pixels):
    """The denoiser on a machine whose memory holds batches of so many pixels; the shapes that were tried."""
    compute, tried = denoiser._predict, []

    def limited(images):
        tried.append(images.shape[:3])
        if np.prod(images.shape[:3]) > pixels:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return compute(images)

    denoiser._predict = limited
    return tried


def test_when_memory_runs_out_batches_and_then_tiles_are_halved():
    model = with_random_weights(UNet(1, (4, 6), blocks=1))
    denoiser = TiledDenoiser(model, tile=256)
    assert 2 * denoiser.reach <= denoiser.overlap <= 64
    picture = noisy_images(1, 300, 900, 1)[0]
    tried = exhausted_above(denoiser, 130**2)
    done = []
    result = denoiser(picture, on_progress=done.append)
    np.testing.assert_allclose(result, model(picture[None])[0], atol=1e-5)
    assert tried[0][0] > 1
    assert max(tried[-1][1:]) <= 128 < max(tried[0][1:])
    assert sum(done) == 300 * 900
    exhausted_above(denoiser, 10)
    with pytest.raises(MemoryError, match="does not even hold a tile of 64 x 64 pixels"):
        denoiser(picture)


def test_work_can_be_ended_between_tiles():
    class Enough(Exception):
        pass

    def stop(count):
        raise Enough

    with pytest.raises(Enough):
        TiledDenoiser(IDENTITY, tile=32, overlap=0)(noise(100, 100), on_progress=stop)


def test_strength_blends_the_output_with_the_noisy_picture():
    model = with_random_weights(UNet(3, (4, 6), blocks=1))
    picture = noisy_images(1, 40, 33, 3)[0]
    whole = TiledDenoiser(model)(picture)
    for strength in (0.0, 0.3, 1.0):
        found = TiledDenoiser(model, strength=strength)(picture)
        np.testing.assert_allclose(found, strength * whole + (1 - strength) * picture, atol=1e-6)
    stored = noise(40, 33, 3, "uint16")
    np.testing.assert_array_equal(TiledDenoiser(model, strength=0.0)(stored), stored)
    grey = noisy_images(1, 30, 41, 1)[0]
    blended = TiledDenoiser(model, strength=0.5)(grey)
    np.testing.assert_allclose(blended, (TiledDenoiser(model)(grey) + grey) / 2, atol=1e-6)


@pytest.mark.parametrize("size", [(30, 41), (150, 90)])
def test_an_ensemble_is_the_mean_over_flips_and_turns(size):
    model = with_random_weights(UNet(3, (4, 6), blocks=1))
    picture = noisy_images(1, *size, 3)[0]
    filled = np.pad(picture, [(0, -side % model.stride) for side in size] + [(0, 0)], mode="edge")
    outputs = []
    for transpose, flips in itertools.product((False, True), ((), (0,), (1,), (0, 1))):
        image = np.flip(filled.swapaxes(0, 1) if transpose else filled, flips)
        output = np.flip(model(np.ascontiguousarray(image)[None])[0].numpy(), flips)
        outputs.append(output.swapaxes(0, 1) if transpose else output)
    expected = np.mean(outputs, axis=0)[: size[0], : size[1]]
    np.testing.assert_allclose(TiledDenoiser(model, ensemble=8)(picture), expected, atol=1e-5)
    assert np.abs(expected - outputs[0][: size[0], : size[1]]).max() > 1e-3
    tiled = TiledDenoiser(model, tile=96, ensemble=8)
    assert tiled.overlap >= 2 * tiled.reach
    np.testing.assert_allclose(tiled(picture), expected, atol=1e-5)


@given(turn=st.integers(0, 7))
def test_every_turn_is_undone_and_differs_from_the_others(turn):
    images = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    np.testing.assert_array_equal(turned_back(turned(images, turn), turn), images)
    for other in set(range(8)) - {turn}:
        assert not np.array_equal(turned(images, turn), turned(images, other))


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), "half"])
def test_a_strength_outside_0_to_1_is_refused(strength):
    with pytest.raises(ValueError, match=r"strength lies in 0\.\.1; received"):
        TiledDenoiser(IDENTITY, strength=strength)
    with pytest.raises(ValueError, match=r"ensemble is 1, or 8 for all flips and turns; received 4"):
        TiledDenoiser(IDENTITY, ensemble=4)


BAD = {
    "flat": ((784,), "float32", r"is \(height, width\) or .* and not empty; received \(784,\)"),
    "empty": ((0, 5, 3), "uint8", r"not empty; received \(0, 5, 3\)"),
    "channels": ((5, 5, 4), "uint8", r"takes pictures of 3 channels .*; received 4\."),
    "bool": ((5, 5, 3), "bool", "of integers or floating point; received bool"),
    "int32": ((5, 5, 3), "int32", r"of int32 has values in .* or a value_range=.*; received values from 100 to 100"),
    "0 to 255": ((5, 5, 3), "float32", r"of float32 has values in \[0, 1\].*; received values from 100 to 100"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused(name):
    shape, dtype, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        denoise_image(IDENTITY, np.full(shape, 100).astype(dtype))


def test_other_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"received values from nan to nan"):
        denoise_image(IDENTITY, np.full((5, 5, 3), np.nan, "float32"))
    with pytest.raises(ValueError, match=r"black below white; received \(1, 0\)"):
        denoise_image(IDENTITY, data.camera(), value_range=(1, 0))
    with pytest.raises(ValueError, match="tile is an integer of at least 1; received 0"):
        TiledDenoiser(IDENTITY, tile=0)
    with pytest.raises(ValueError, match="overlap is an integer of at least 0; received -1"):
        TiledDenoiser(IDENTITY, overlap=-1)
    with pytest.raises(ValueError, match=r"height and width unknown; received 'digits' with input \(None, 784\)"):
        TiledDenoiser(DenseAutoencoder(name="digits"))
    with pytest.raises(ValueError, match="A tile of 7 pixels has no room for an overlap; expected 8 or more"):
        TiledDenoiser(gentle_net(0.1), tile=7).check_tiles()
    TiledDenoiser(gentle_net(0.1), tile=7, overlap=0).check_tiles()


@pytest.mark.parametrize(
    "make",
    [
        keras.layers.GlobalAveragePooling2D(keepdims=True),
        keras.layers.Conv2D(3, 3),
        keras.layers.Conv2D(3, 3, strides=2, padding="same"),
        keras.layers.Conv2D(1, 1),
        lambda images: [images, images],
    ],
    ids=["mean", "valid", "strided", "one channel", "two outputs"],
)
def test_a_network_that_makes_another_shape_is_refused(make):
    images = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match=r"whose output has the shape of its input; it makes .* of \(1, 64, 64, 3\)"):
        TiledDenoiser(keras.Model(images, make(images), name="net"))


class _Silent(keras.layers.Layer):
    """Tells no size before there is a picture."""

    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def call(self, images):
        return images[:, : self.kept]

    def compute_output_spec(self, images):
        return keras.KerasTensor((None, None, None, 3))


def test_a_network_that_does_not_tell_its_shape_is_taken_and_looked_at_with_the_picture():
    images, picture = keras.Input((None, None, 3)), np.full((20, 20, 3), 0.5, "float32")
    kept, cut = (TiledDenoiser(keras.Model(images, _Silent(count)(images))) for count in (None, -1))
    np.testing.assert_allclose(kept(picture), picture, atol=1e-6)
    with pytest.raises(ValueError, match=r"it makes \(1, 19, 20, 3\) of \(1, 20, 20, 3\)"):
        cut(picture)
