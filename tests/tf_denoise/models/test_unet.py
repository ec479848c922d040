import keras
import numpy as np
import pytest
import tensorflow as tf
from network_checks import (
    check_compiled,
    check_export,
    check_gradients,
    check_round_trips,
    noisy_images,
    with_random_weights,
)
from scipy.signal import correlate2d

from tf_denoise.models import UNet, multiply_adds_per_pixel

NETS = {
    "residual": lambda **k: UNet(2, (4, 6, 8), blocks=2, **k),
    "residual, full resolution, joined": lambda **k: UNet(2, (4, 6, 8), blocks=1, skips="concat", stem=1, **k),
    "plain": lambda **k: UNet(2, (4, 6, 8), "plain", blocks=1, skips="concat", stem=1, **k),
    "plain, half resolution, added": lambda **k: UNet(2, (4, 6, 8), "plain", blocks=2, skips="add", stem=2, **k),
}
EVERY_NET = pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())
STAGES = ("encoder1", "encoder2", "bottleneck", "decoder2", "decoder1")


def relu(values):
    return np.maximum(values, 0)


class ByHand:
    """The layers of a network in NumPy and SciPy, for one image `(height, width, channels)`."""

    def __init__(self, model):
        self.weights = {layer.name: layer.get_weights() for layer in model.layers}

    def conv(self, x, name):
        """A convolution that keeps the size."""
        kernel, *bias = self.weights[name]
        output = [
            sum(correlate2d(x[..., i], kernel[..., i, o], "same") for i in range(x.shape[-1]))
            for o in range(kernel.shape[-1])
        ]
        return np.stack(output, -1) + (bias[0] if bias else 0)

    def strided(self, x, name):
        """A 2x2 convolution of stride 2."""
        (kernel,) = self.weights[name]
        return np.einsum("yixjc,ijco->yxo", self.pairs(x), kernel)

    def transposed(self, x, name):
        """A 2x2 transposed convolution of stride 2."""
        kernel, *bias = self.weights[name]
        height, width = 2 * x.shape[0], 2 * x.shape[1]
        return np.einsum("yxc,ijoc->yixjo", x, kernel).reshape(height, width, -1) + (bias[0] if bias else 0)

    @staticmethod
    def pairs(x):
        """`(height / 2, 2, width / 2, 2, channels)`"""
        return x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1)


def plain_by_hand(model, image):
    net = ByHand(model)

    def stage(x, name):
        return relu(net.conv(relu(net.conv(x, f"{name}_conv1")), name))

    first = stage(image, "encoder1")
    second = stage(net.pairs(first).max((1, 3)), "encoder2")
    x = stage(net.pairs(second).max((1, 3)), "bottleneck")
    x = stage(np.concatenate([net.transposed(x, "up2"), second], -1), "decoder2")
    x = stage(np.concatenate([net.transposed(x, "up1"), first], -1), "decoder1")
    return net.conv(x, "head")


def residual_by_hand(model, image):
    net = ByHand(model)

    def stage(x, name):
        for block in (f"{name}_block1", f"{name}_block2"):
            x = x + net.conv(relu(net.conv(x, f"{block}_conv1")), f"{block}_conv2")
        return x

    def halved(x):
        return np.moveaxis(net.pairs(x), 2, 1).reshape(x.shape[0] // 2, x.shape[1] // 2, -1)

    def doubled(x):
        height, width, _ = x.shape
        return np.moveaxis(x.reshape(height, width, 2, 2, -1), 2, 1).reshape(2 * height, 2 * width, -1)

    first = stage(net.conv(halved(image), "stem"), "encoder1")
    second = stage(net.strided(first, "down1"), "encoder2")
    x = stage(net.strided(second, "down2"), "bottleneck")
    x = stage(net.transposed(x, "up2") + second, "decoder2")
    x = stage(net.transposed(x, "up1") + first, "decoder1")
    return image + doubled(net.conv(x, "head"))


@pytest.mark.parametrize(("name", "by_hand"), [("plain", plain_by_hand), ("residual", residual_by_hand)])
def test_the_forward_pass_is_the_one_written_in_numpy(name, by_hand):
    model = with_random_weights(NETS[name]())
    image = noisy_images(1, 16, 24, 2)
    np.testing.assert_allclose(model(image)[0], by_hand(model, image[0].astype("float64")), atol=1e-4)


def test_sizes_that_do_not_fit_are_padded_with_their_edge_and_cropped_back():
    model = with_random_weights(NETS["residual"]())
    image = noisy_images(1, 13, 18, 2)
    padded = np.pad(image, ((0, 0), (0, 3), (0, 6), (0, 0)), mode="edge")
    np.testing.assert_allclose(model(image), model(padded)[:, :13, :18], atol=1e-5)


def test_the_original_net_has_the_size_of_the_post():
    # 3x3 convolutions in -> out: 9 in out + out weights; 2x2 transposed: 4 in out + out; the head: 64 * 3 + 3.
    convs = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convs += [(512, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64)]
    ups = [(512, 256), (256, 128), (128, 64)]
    expected = sum(9 * i * o + o for i, o in convs) + sum(4 * i * o + o for i, o in ups) + 64 * 3 + 3
    model = UNet.original()
    assert model.count_params() == expected == 7_697_475  # as a PyTorch rendition of the same layers has
    # The pixels of a stage are 1, 1/4, 1/16, 1/64 of the image's; a transposed convolution works at every input pixel.
    shares = [1, 1, 1 / 4, 1 / 4, 1 / 16, 1 / 16, 1 / 64, 1 / 64, 1 / 16, 1 / 16, 1 / 4, 1 / 4, 1, 1]
    cost = sum(9 * i * o * share for (i, o), share in zip(convs, shares, strict=True)) + 64 * 3
    cost += sum(4 * i * o * share for (i, o), share in zip(ups, (1 / 64, 1 / 16, 1 / 4), strict=True))
    assert multiply_adds_per_pixel(model, 64, 32) == cost == 561_024


def test_the_default_net_is_small():
    model = UNet()
    block = {width: 2 * 9 * width**2 for width in (64, 128, 256)}
    between = 4 * (64 * 128 + 128 * 256)
    assert model.count_params() == 2 * (block[64] + block[128] + between) + block[256] + 18 * 12 * 64
    assert model.count_params() == 2_258_432
    assert multiply_adds_per_pixel(model) == 103_808
    assert model.stride == 8


def test_matrix_products_cost_their_three_sizes():
    inputs = keras.Input((6, 4, 8))
    x = keras.layers.Dense(5)(inputs)  # 24 x 8 -> 5
    x = keras.layers.EinsumDense("bhwc,cd->bhwd", (6, 4, 7))(x)  # 24 x 5 -> 7
    assert multiply_adds_per_pixel(keras.Model(inputs, x), 6, 4) == 8 * 5 + 5 * 7


@pytest.mark.parametrize("name", [name for name in NETS if name.startswith("residual")])
def test_a_net_without_bias_scales_with_the_image(name):
    model = with_random_weights(NETS[name]())
    assert not [variable.path for variable in model.weights if "bias" in variable.path]
    image = noisy_images(2, 13, 9, 2) - 0.5
    output = model(image)
    for factor in (0.01, 0.3, 7.0):
        np.testing.assert_allclose(model(factor * image) / factor, output, atol=1e-5 * np.abs(output).max())
    np.testing.assert_array_equal(model(np.zeros_like(image)), 0)


@EVERY_NET
def test_moving_the_image_by_the_stride_moves_the_output(make):
    model = with_random_weights(make())
    step = model.stride
    image = noisy_images(1, 24 * step, 24 * step, 2)
    moved = np.roll(image, (step, step), (1, 2))
    here, there = slice(11 * step, 12 * step), slice(12 * step, 13 * step)  # the border reaches to 84 of 88 pixels
    np.testing.assert_allclose(model(moved)[:, there, there], model(image)[:, here, here], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@EVERY_NET
def test_any_size_in_any_graph(make):
    check_compiled(with_random_weights(make()), [(1, 1, 1), (3, 3, 3), (1, 16, 8), (2, 5, 17)])


@EVERY_NET
@pytest.mark.parametrize("value", [None, 0.0])
def test_gradients_are_finite(make, value):
    images = noisy_images(2, 9, 7, 2)
    model = with_random_weights(make())
    check_gradients(model, images if value is None else np.full_like(images, value), reaches_all=value is None)
    check_gradients(make(), images, reaches_all=False)  # the start of a training: some layers begin at zero


@EVERY_NET
def test_nets_round_trip(make, tmp_path):
    model = make(name="net")
    check_round_trips(with_random_weights(model), noisy_images(2, 9, 7, 2), tmp_path)
    assert set(model.get_config()) == {
        "channels", "widths", "block", "blocks", "skips", "stem", "dtype", "name", "trainable"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "plain"])
def test_nets_are_exported_for_every_size(name, tmp_path):
    check_export(with_random_weights(NETS[name]()), [(1, 3, 3), (2, 16, 24), (3, 13, 18)], tmp_path)


@pytest.mark.parametrize(
    ("name", "policy"),
    [("residual", "mixed_bfloat16"), ("residual", "mixed_float16"), ("plain", "mixed_bfloat16")],
)
def test_mixed_precision_computes_in_16_bit_and_returns_float32(name, policy, tmp_path):
    make = NETS[name]
    model = with_random_weights(make(dtype=policy))
    assert {variable.dtype for variable in model.weights} == {"float32"}
    for stage in STAGES:
        assert model.get_layer(stage).output.dtype == policy.removeprefix("mixed_")
    images = noisy_images(2, 9, 7, 2)
    exact = make()
    exact.set_weights(model.get_weights())
    np.testing.assert_allclose(model(images), exact(images), atol=0.03 * np.abs(exact(images)).max())
    assert model(images).dtype == "float32"
    check_round_trips(model, images, tmp_path)


def test_a_correction_in_16_bit_leaves_the_image_its_resolution():
    model = NETS["residual"](dtype="mixed_bfloat16")
    model.get_layer("head").kernel.assign(tf.zeros_like(model.get_layer("head").kernel))
    images = noisy_images(2, 9, 7, 2)
    np.testing.assert_array_equal(model(images), images)


@EVERY_NET
def test_stages_have_names_and_their_maps_halve_and_double(make):
    model = make()
    maps = keras.Model(model.input, [model.get_layer(stage).output for stage in STAGES])(noisy_images(1, 32, 16, 2))
    fine = 32 // model.stem
    sides = [(fine, 4), (fine // 2, 6), (fine // 4, 8), (fine // 2, 6), (fine, 4)]
    assert [tuple(m.shape) for m in maps] == [(1, side, side // 2, width) for side, width in sides]


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": 0},
        {"channels": 3.0},
        {"blocks": 0},
        {"widths": (8,)},
        {"widths": ()},
        {"widths": (8, 0)},
        {"widths": (8, "16")},
    ],
)
def test_numbers_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"positive integer channels and blocks, and two or more positive integer wid"):
        UNet(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": "dense"}, r"The block of a U-Net is one of 'residual', 'plain'; received 'dense'"),
        ({"skips": None}, r"The skips of a U-Net is one of 'add', 'concat'; received None"),
        ({"stem": 4}, r"The stem of a U-Net is one of 1, 2; received 4"),
    ],
)
def test_choices_that_are_none_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        UNet(**wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "jit_compile"), [("residual", False), ("residual", True), ("plain", False)])
def test_nets_learn_in_fit(name, jit_compile):
    keras.utils.set_random_seed(0)
    rows, columns = np.mgrid[:16, :16]
    clean = np.stack([(rows + shift) // 4 % 2 * 0.5 + columns / 32 for shift in range(16)])[..., None]
    clean = np.repeat(clean, 2, -1).astype("float32")
    noisy = clean + np.random.default_rng(0).normal(0, 0.3, clean.shape).astype("float32")
    model = NETS[name]()
    model.compile(keras.optimizers.Adam(5e-3), "mse", jit_compile=jit_compile)
    model.fit(noisy, clean, batch_size=8, epochs=40, verbose=0)
    assert model.evaluate(noisy, clean, verbose=0) < 0.5 * np.mean((noisy - clean) ** 2)
