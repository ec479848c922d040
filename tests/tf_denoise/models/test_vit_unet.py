import keras
import keras_hub
import network_checks
import numpy as np
import pytest
import tensorflow as tf
from helpers import python
from network_checks import noisy_images, with_random_weights
from scipy import special

from tf_denoise.errors import InputError
from tf_denoise.models import UNet, ViTUNet, load_vit, multiply_adds_per_pixel, small_vit
from tf_denoise.tiling import TiledDenoiser


def tiny_vit(**changed) -> keras.Model:
    """A ViT with a class token, as the pretrained ones have, and an image and patches that are not square."""
    sizes = {"image_shape": (16, 24, 3), "patch_size": (4, 8), "num_layers": 1, "num_heads": 2, "hidden_dim": 8}
    return keras_hub.models.ViTBackbone(**{**sizes, "mlp_dim": 12, "dropout_rate": 0.5, **changed})


NETS = {
    "residual": lambda **k: ViTUNet(small_vit(16, 8, layers=1, heads=2, width=6), 3, (4, 6, 8), token_widths=(5,), **k),
    "grey, frozen": lambda **k: ViTUNet(tiny_vit(), 1, (4, 6), token_widths=(7, 5), frozen=True, **k),
    "windows": lambda **k: ViTUNet(tiny_vit(), 3, (4, 6), token_widths=(7, 5), view="windows", **k),
    "plain": lambda **k: ViTUNet(tiny_vit(), 3, (4, 6, 8), "plain", token_widths=(7, 5), frozen=True, **k),
}
EVERY_NET = pytest.mark.parametrize("make", NETS.values(), ids=NETS.keys())


def test_the_bottleneck_sees_the_projected_tokens_beside_the_map_of_the_encoder():
    model = with_random_weights(NETS["plain"]())
    model.vit.set_weights([0.3 * np.random.default_rng(1).normal(size=w.shape) for w in model.vit.get_weights()])
    noisy = noisy_images(2, 13, 21, 3)
    padded = np.pad(noisy, ((0, 0), (0, 3), (0, 3), (0, 0)), mode="edge")
    tokens = model.vit(2 * tf.image.resize(padded, (16, 24)) - 1, training=False)
    grid = np.reshape(tokens[:, 1:], (2, 4, 3, 8))
    x = np.asarray(tf.image.resize(grid, (4, 6)))
    for index, activation in (1, lambda values: np.maximum(values, 0)), (2, lambda values: values):
        kernel, bias = model.get_layer(f"vit_projection{index}").get_weights()
        x = activation(x @ kernel + bias)
    parts = [model.get_layer(name).output for name in ("vit_grid", "down2", "vit_joined")]
    seen, encoded, joined = keras.Model(model.input, parts)(noisy)
    np.testing.assert_allclose(seen, grid, atol=1e-5)
    np.testing.assert_allclose(joined, np.concatenate([encoded, x], -1), atol=1e-5)


def test_windows_are_looked_at_one_by_one_at_their_own_size():
    model = with_random_weights(NETS["windows"]())
    noisy = noisy_images(2, 30, 40, 3)  # three windows of 16 x 24 above each other, two beside
    assert model.stride == 48
    padded = np.pad(noisy, ((0, 0), (0, 18), (0, 8), (0, 0)), mode="edge")
    seen = np.asarray(keras.Model(model.input, model.get_layer("vit_grid").output)(noisy))
    assert seen.shape == (2, 12, 6, 8)
    for row in range(3):
        for column in range(2):
            window = padded[:, 16 * row : 16 * row + 16, 24 * column : 24 * column + 24]
            tokens = model.vit(2 * window - 1, training=False)
            grid = np.reshape(tokens[:, 1:], (2, 4, 3, 8))
            np.testing.assert_allclose(seen[:, 4 * row : 4 * row + 4, 3 * column : 3 * column + 3], grid, atol=1e-5)


def test_tiles_lie_on_the_same_windows_as_the_whole_picture():
    vit = small_vit(32, 8, 1, 2, 6)
    model = with_random_weights(ViTUNet(vit, 3, (4, 6), token_widths=(5,), view="windows"))
    image = noisy_images(1, 330, 280, 3)[0]
    whole = np.array(model(image[None]))[0]
    tiled = TiledDenoiser(model, tile=256, overlap=128)(image)
    np.testing.assert_allclose(tiled, whole, atol=1e-4 * np.abs(whole).max())


def test_projections_that_are_trained_along_are_normalised_and_start_at_zero():
    model = ViTUNet(tiny_vit(), 3, (4, 6), token_widths=(7, 5))
    noisy = noisy_images(2, 16, 24, 3)
    parts = [model.get_layer(name).output for name in ("vit_resized", "vit_projection2")]
    taps = keras.Model(model.input, parts)
    np.testing.assert_array_equal(taps(noisy)[1], 0)  # a U-Net, to begin with
    with_random_weights(model)
    tokens, projected = (np.array(part) for part in taps(noisy))
    (kernel, bias), (scale, shift), (last, offset) = (
        model.get_layer(name).get_weights() for name in ("vit_projection1", "vit_normalised1", "vit_projection2")
    )
    x = tokens @ kernel + bias
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3) * scale + shift
    x = x * (1 + special.erf(x / np.sqrt(2))) / 2
    np.testing.assert_allclose(projected, x @ last + offset, atol=1e-5)


def test_no_bias_silences_the_tokens():
    """What a ReLU dies of: every unit pushed far below zero, whatever the tokens say."""
    model = with_random_weights(NETS["grey, frozen"]())
    first, noisy = model.get_layer("vit_projection1"), noisy_images(2, 16, 24, 1)
    projected = keras.Model(model.input, model.get_layer("vit_projection2").output)
    kernel, bias = first.get_weights()
    before = np.array(projected(noisy))
    first.set_weights([kernel, bias - 30])
    np.testing.assert_allclose(projected(noisy), before, atol=1e-3)
    assert before.std(axis=(1, 2)).max() > 0.01


def test_the_rest_is_the_u_net():
    with_tokens, without = NETS["plain"](), UNet(3, (4, 6, 8), "plain", 1, "concat", 1)
    names = {layer.name for layer in without.layers}
    assert names <= {layer.name for layer in with_tokens.layers} | {"noisy"}
    weights = {v.path: v for v in with_tokens.weights}
    for variable in without.weights:
        if not variable.path.startswith("bottleneck_conv1/kernel"):
            assert weights[variable.path].shape == variable.shape, variable.path
    assert weights["bottleneck_conv1/kernel"].shape == (3, 3, 6 + 5, 8)


def test_the_original_net_projects_to_512_and_freezes_the_transformer():
    vit = tiny_vit(hidden_dim=16)
    model = ViTUNet.original(vit)
    # UNet.original, 512 more channels into the bottleneck, and the two projections
    trained = UNet.original().count_params() + 9 * 512 * 512 + (16 * 512 + 512) + (512 * 512 + 512)
    assert model.count_params() - vit.count_params() == trained
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == trained
    assert model.widths == (64, 128, 256, 512)


def test_a_grey_image_is_seen_in_three_equal_channels():
    model = NETS["grey, frozen"]()
    grey = noisy_images(1, 16, 24, 1)
    view = keras.Model(model.input, model.get_layer("vit_colour").output)(grey)
    np.testing.assert_allclose(view, np.repeat(2 * grey - 1, 3, -1), atol=1e-6)


@pytest.mark.slow
@EVERY_NET
def test_any_size_in_any_graph(make):
    network_checks.check_compiled(with_random_weights(make()), [(1, 1, 1), (3, 16, 8), (2, 9, 7)])


@pytest.mark.slow
@EVERY_NET
def test_nets_round_trip(make, tmp_path):
    model = with_random_weights(make(name="net"))
    network_checks.check_round_trips(model, noisy_images(2, 9, 7, model.channels), tmp_path)
    assert len({id(variable) for variable in model.weights}) == len(model.weights)


@pytest.mark.slow
@pytest.mark.process
def test_loading_downloads_nothing(tmp_path):
    NETS["plain"](name="net").save(tmp_path / "model.keras")
    code = (
        "import socket, sys\n"
        "def refuse(*args, **kwargs): raise SystemExit('a connection was asked for')\n"
        "socket.socket.connect = refuse\n"
        "import keras, tf_denoise.models\n"
        "assert 'keras_hub' not in sys.modules\n"
        "tf_denoise.models.ViTUNet\n"
        "assert 'keras_hub' not in sys.modules\n"
        f"print(keras.models.load_model({str(tmp_path / 'model.keras')!r}, compile=False).name)\n"
    )
    result = python("-c", code)
    assert result.stdout.strip() == "net", result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual", "grey, frozen"])
def test_nets_are_exported_for_every_size(name, tmp_path):
    network_checks.check_export(with_random_weights(NETS[name]()), [(1, 3, 3), (2, 13, 18)], tmp_path)


@pytest.mark.slow
@EVERY_NET
def test_mixed_precision_returns_float32(make, tmp_path):
    model = with_random_weights(make(dtype="mixed_bfloat16"))
    assert model.get_layer("bottleneck").output.dtype == "bfloat16"
    images = noisy_images(2, 9, 7, model.channels)
    assert model(images).dtype == "float32"
    network_checks.check_round_trips(model, images, tmp_path)


@EVERY_NET
def test_gradients_are_finite(make):
    model = with_random_weights(make())
    network_checks.check_gradients(model, noisy_images(2, 9, 7, model.channels))


@pytest.mark.slow
@pytest.mark.parametrize(("frozen", "jit_compile"), [(True, False), (False, True)])
def test_a_frozen_transformer_stays_and_another_is_trained_along(frozen, jit_compile):
    keras.utils.set_random_seed(0)
    model = ViTUNet(small_vit(16, 8, 1, 2, 6), 3, (4, 6), "plain", token_widths=(5,), frozen=frozen)
    before = [np.array(weight) for weight in model.vit.get_weights()]
    clean = np.full((16, 8, 8, 3), 0.5, "float32")
    noisy = clean + np.random.default_rng(0).normal(0, 0.3, clean.shape).astype("float32")
    model.compile(keras.optimizers.Adam(1e-2), "mse", jit_compile=jit_compile)
    model.fit(noisy, clean, batch_size=8, epochs=20, verbose=0)
    changed = [np.any(old != new) for old, new in zip(before, model.vit.get_weights(), strict=True)]
    assert (not any(changed)) if frozen else all(changed)
    assert model.evaluate(noisy, clean, verbose=0) < 0.7 * np.mean((noisy - clean) ** 2)
    if frozen:  # its dropout is off too
        drops = ViTUNet(tiny_vit(), 3, (4, 6), token_widths=(5,), frozen=True)
        np.testing.assert_array_equal(drops(noisy, training=True), drops(noisy))


def test_the_small_transformer_costs_little():
    vit = small_vit()
    assert vit.output_shape == (None, 64, 128)
    assert vit.count_params() < 700_000
    # 64 patches of 16 x 16 x 3 to 128 features; each of 4 layers: 4 projections, 2 products of tokens, 2 x 128 x 256
    expected = 64 * 768 * 128 + 4 * (64 * 4 * 128**2 + 2 * 64 * 64 * 128 + 64 * 2 * 128 * 256)
    assert multiply_adds_per_pixel(vit, 128, 128) == expected / 128**2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"vit": "vit_base"}, r"takes a vision transformer of keras_hub with an image_shape .* received 'vit_base'"),
        ({"vit": keras.Sequential()}, r"takes a vision transformer of keras_hub .* received <Sequential"),
        ({"channels": 2}, r"has 1 channel, or as many as its vision transformer takes, 3; received channels=2"),
        ({"token_widths": ()}, r"one or more positive integer token_widths; received \(\)"),
        ({"token_widths": (8, 0)}, r"one or more positive integer token_widths; received \(8, 0\)"),
        ({"block": "dense"}, r"The block of a U-Net is one of 'residual', 'plain'; received 'dense'"),
        ({"widths": (8,)}, r"two or more positive integer widths"),
    ],
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ViTUNet(**{"vit": small_vit(16, 8, 1, 2, 6), **wrong})


def test_a_patch_size_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"a patch size that divides the image size.* image_size=30, patch_size=8"):
        small_vit(image_size=30, patch_size=8)
    with pytest.raises(ValueError, match=r"heads that divide the width; received .*heads=3, width=8"):
        small_vit(32, 8, heads=3, width=8)
    vit = tiny_vit()
    vit.patch_size = (5, 8)
    with pytest.raises(ValueError, match=r"must tile its image: received patches of 5 x 8, an image of 16 x 24"):
        ViTUNet(vit)


@pytest.mark.parametrize(
    "error", [ConnectionError("Failed to resolve host\nand more"), ValueError("Unknown preset."), OSError()]
)
def test_a_transformer_that_cannot_be_downloaded_is_one_sentence(monkeypatch, error):
    def fail(preset, **kwargs):
        raise error

    monkeypatch.setattr(keras_hub.models.ViTBackbone, "from_preset", fail)
    with pytest.raises(InputError, match=r"^The vision transformer 'vit_base' cannot be loaded: .*--vit small") as info:
        load_vit("vit_base")
    assert "\n" not in str(info.value)


def test_a_transformer_of_an_unknown_name_is_told_what_there_is():
    with pytest.raises(
        InputError, match=r"^There is no vision transformer 'smal'; .* are --vit small and --vit windows"
    ):
        load_vit("smal")


def test_a_transformer_is_loaded_from_a_folder(tmp_path):
    vit = tiny_vit()
    vit.save_to_preset(str(tmp_path / "vit"))
    images = noisy_images(1, 16, 24, 3)
    np.testing.assert_array_equal(load_vit(str(tmp_path / "vit"))(images), vit(images))
