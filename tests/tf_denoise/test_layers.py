import importlib.util
import json

import keras
import numpy as np
import pytest
import scipy.interpolate
import tensorflow as tf
from helpers import ROOT, python

from tf_denoise.layers import CropLike, PadToMultiple, Resize, ResizeLike, TokensToGrid

RNG = np.random.default_rng(0)


def in_every_way(layer, *arrays):
    """The layer's output: eager, in a graph of unknown sizes, and there under XLA."""
    yield layer(*arrays)
    signature = [tf.TensorSpec((None,) * (array.ndim - 1) + array.shape[-1:], tf.float32) for array in arrays]
    for jit in (False, True):
        yield tf.function(lambda *given: layer(*given), input_signature=signature, jit_compile=jit)(*arrays)


@pytest.mark.parametrize(
    ("height", "width", "multiple"), [(1, 1, 8), (2, 9, 4), (3, 5, 16), (8, 16, 8), (7, 8, 8), (5, 3, 1), (4, 6, 3)]
)
def test_padding_repeats_the_edge_and_cropping_undoes_it(height, width, multiple):
    images = RNG.normal(size=(2, height, width, 3)).astype("float32")
    below, right = -height % multiple, -width % multiple
    expected = np.pad(images, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
    layer = PadToMultiple(multiple)
    for padded in in_every_way(layer, images):
        np.testing.assert_array_equal(padded, expected)
    assert layer.compute_output_shape(images.shape) == expected.shape
    for cropped in in_every_way(CropLike(), expected, images):
        np.testing.assert_array_equal(cropped, images)


def test_the_gradient_of_the_padding_counts_the_copies():
    images = tf.zeros((1, 3, 3, 1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(PadToMultiple(4)(images))
    np.testing.assert_array_equal(tape.gradient(total, images)[0, :, :, 0], [[1, 1, 2], [1, 1, 2], [2, 2, 4]])


@pytest.mark.parametrize(
    ("old", "new"),
    [((4, 5), (1, 1)), ((4, 5), (2, 7)), ((4, 5), (4, 5)), ((2, 3), (9, 3)), ((12, 8), (16, 24)), ((14, 14), (28, 28))],
)
def test_resizing_interpolates_between_centres_of_pixels(old, new):
    maps = RNG.normal(size=(2, *old, 3)).astype("float32")
    y, x = (
        np.clip((np.arange(size) + 0.5) * old_size / size - 0.5, 0, old_size - 1)
        for size, old_size in zip(new, old, strict=True)
    )
    by_rows = scipy.interpolate.make_interp_spline(range(old[0]), maps, k=1, axis=1)(y)
    expected = scipy.interpolate.make_interp_spline(range(old[1]), by_rows, k=1, axis=2)(x)
    for resized in in_every_way(ResizeLike(), maps, np.zeros((2, *new, 3), "float32")):
        np.testing.assert_allclose(resized, expected, atol=1e-5)
    for resized in in_every_way(Resize(*new), maps):
        np.testing.assert_allclose(resized, expected, atol=1e-5)
    np.testing.assert_allclose(tf.image.resize(maps, new), expected, atol=1e-5)


@pytest.mark.parametrize("class_tokens", [0, 1, 5])
def test_tokens_go_back_on_their_grid_row_by_row(class_tokens):
    tokens = RNG.normal(size=(2, class_tokens + 6, 3)).astype("float32")
    for grid in in_every_way(TokensToGrid(2, 3), tokens):
        assert grid.shape == (2, 2, 3, 3)
        for row in range(2):
            for column in range(3):
                np.testing.assert_array_equal(grid[:, row, column], tokens[:, class_tokens + 3 * row + column])


def build_model():
    """A model of all the layers."""
    images = keras.Input((None, None, 3))
    tokens = keras.Input((7, 3))
    padded = Resize(8, 12)(PadToMultiple(4)(images))
    resized = ResizeLike()(TokensToGrid(2, 3)(tokens), padded)
    return keras.Model([images, tokens], CropLike()(keras.layers.Add()([padded, resized]), images))


def test_the_layers_round_trip_through_a_file(tmp_path):
    model = build_model()
    inputs = [np.ones((2, 5, 6, 3), "float32"), RNG.normal(size=(2, 7, 3)).astype("float32")]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    for layer, copy in zip(model.layers, loaded.layers, strict=True):
        assert copy.get_config() == layer.get_config()


def test_the_layers_follow_their_dtype():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build_model()
    assert model([np.ones((2, 5, 6, 3), "float32"), np.ones((2, 7, 3), "float32")]).dtype == "bfloat16"


@pytest.mark.parametrize("multiple", [0, -2, 2.0, None])
def test_padding_refuses_a_multiple_that_is_none(multiple):
    with pytest.raises(ValueError, match=r"PadToMultiple takes a positive integer multiple; received"):
        PadToMultiple(multiple)


def test_a_grid_refuses_too_few_tokens_and_no_size():
    with pytest.raises(ValueError, match=r"Resize takes a positive integer height and width; received 4 and -1"):
        Resize(4, -1)
    with pytest.raises(ValueError, match=r"grid of 3 x 4 takes 12 patch tokens.* received 11 tokens"):
        TokensToGrid(3, 4)(np.zeros((1, 11, 2), "float32"))
    with pytest.raises(ValueError, match=r"positive integer height and width; received 0 and 4"):
        TokensToGrid(0, 4)


ON_ANY_BACKEND = """
import json
import keras, numpy as np
from tf_denoise.layers import CropLike, PadToMultiple, Resize, ResizeLike, TokensToGrid
from tf_denoise.models import DenseAutoencoder, DigitClassifier

rng = np.random.default_rng(0)
images, tokens = rng.random((2, 5, 7, 3), "float32"), rng.random((2, 7, 3), "float32")
padded = PadToMultiple(4)(images)
grid = TokensToGrid(2, 3)(tokens)
inputs = keras.Input((None, None, 3))
model = keras.Model(inputs, CropLike()(Resize(6, 9)(PadToMultiple(4)(inputs)), inputs))
outputs = [padded, CropLike()(padded, images), Resize(9, 4)(images), ResizeLike()(grid, images), grid, model(images)]
print(keras.config.backend(), DenseAutoencoder(20, (4,)).output_shape, DigitClassifier(20, (4,)).output_shape)
print(json.dumps([np.asarray(keras.ops.convert_to_numpy(output), "float64").tolist() for output in outputs]))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="the other backends of Keras need jax here")
def test_the_layers_give_the_same_on_every_backend():
    printed = {}
    for backend in ("tensorflow", "numpy", "jax"):
        result = python("-c", ON_ANY_BACKEND, KERAS_BACKEND=backend)
        assert result.returncode == 0, result.stderr
        told, values = result.stdout.strip().splitlines()[-2:]
        assert told == f"{backend} (None, 20) (None, 10)"
        printed[backend] = json.loads(values)
    for backend in ("numpy", "jax"):
        for output, expected in zip(printed[backend], printed["tensorflow"], strict=True):
            np.testing.assert_allclose(output, expected, atol=1e-6)


def test_no_layer_or_network_names_tensorflow():
    for path in [ROOT / "tf_denoise" / "layers.py", *sorted((ROOT / "tf_denoise" / "models").glob("*.py"))]:
        if path.name != "cost.py":  # which counts the operations of TensorFlow's graph
            assert "import tensorflow" not in path.read_text(encoding="utf-8"), path
