"""What every layer, loss, metric, noise and model must do to behave like a part of Keras."""

import json

import keras
import numpy as np
import pytest
from keras_parts import (
    LAYERS,
    LOSSES,
    METRICS,
    MODELS,
    NOISES,
    SCHEDULES,
    check_config,
    check_frozen,
    images_for,
    inputs_of,
)

from tf_denoise.registration import NAMES, TENSORFLOW_NAMES

TRUE, NEAR = np.random.default_rng(0).random((2, 5, 17, 22, 3), "float32")
SLOW_TO_BUILD = ("ViTUNet with a frozen transformer", "ViTUNet that looks at windows")
POLICIES = pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])


def every(cases, slow=()):
    """A test of each of the cases, some of which are left to `make test-all`."""
    made = [pytest.param(make, marks=[pytest.mark.slow] * (name in slow), id=name) for name, make in cases.items()]
    return pytest.mark.parametrize("make", made)


def test_every_registered_class_is_looked_at():
    cases = LAYERS | LOSSES | METRICS | NOISES | SCHEDULES | MODELS
    registered = {name for names in (NAMES | TENSORFLOW_NAMES).values() for name in names}
    assert {name.split(" ")[0] for name in cases} | {"SteadyAdam"} == registered  # an optimizer, no part of a network


@every(LAYERS | LOSSES | METRICS | NOISES | SCHEDULES | MODELS)
def test_the_configuration_holds_python_numbers_and_gives_the_part_back(make):
    check_config(make())


@every(LAYERS | NOISES)
@pytest.mark.parametrize("batch", [1, 3])
def test_layers_keep_the_batch_and_tell_their_shape(make, batch):
    layer = make()
    inputs = inputs_of(layer, batch)
    symbolic = layer(*[keras.Input(array.shape[1:]) for array in inputs])
    assert symbolic.shape == (None, *layer(*inputs).shape[1:])
    assert layer(*inputs).shape[0] == batch


@every(LAYERS | NOISES)
@POLICIES
def test_layers_compute_in_mixed_precision(make, policy):
    layer = make(dtype=policy)
    output = layer(*inputs_of(layer, 2))
    assert output.dtype == policy.removeprefix("mixed_")
    assert np.all(np.isfinite(keras.ops.cast(output, "float32")))


@every(LAYERS | NOISES)
def test_layers_come_back_from_a_file(make, tmp_path):
    layer = make()
    arrays = inputs_of(layer, 2)
    inputs = [keras.Input(array.shape[1:]) for array in arrays]
    model = keras.Model(inputs, layer(*inputs))
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert copy.layers[-1].get_config() == layer.get_config()
    np.testing.assert_array_equal(copy(arrays), model(arrays))
    np.testing.assert_array_equal(copy(arrays, training=True), model(arrays, training=True))


@every(NOISES)
def test_frozen_noise_stays_frozen(make):
    assert check_config(make(trainable=False)).trainable is False


@every(LOSSES)
@pytest.mark.parametrize("batch", [1, 5])
def test_losses_have_one_value_per_image(make, batch):
    values = make(reduction="none")(TRUE[:batch], NEAR[:batch])
    assert values.shape == (batch,)
    assert np.all(values > 0)


@every(METRICS)
def test_metrics_are_alike_for_any_batches(make):
    whole, parts = make(), make()
    whole.update_state(TRUE, NEAR)
    for batch in (slice(0, 1), slice(1, 5)):
        parts.update_state(TRUE[batch], NEAR[batch])
    np.testing.assert_allclose(whole.result(), parts.result(), rtol=1e-5)


@pytest.mark.slow
@every(LOSSES | METRICS)
def test_losses_and_metrics_come_back_from_a_compiled_file(make, tmp_path):
    part = make()
    model = keras.Sequential([keras.Input((17, 22, 3)), keras.layers.Conv2D(3, 3, padding="same")])
    is_loss = isinstance(part, keras.losses.Loss)
    model.compile("sgd", jit_compile=False, **({"loss": part} if is_loss else {"loss": "mse", "metrics": [part]}))
    expected = model.evaluate(NEAR, TRUE, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert copy.evaluate(NEAR, TRUE, verbose=0, return_dict=True) == pytest.approx(expected)


@every(MODELS)
@pytest.mark.parametrize("batch", [1, 3])
def test_models_take_any_batch_and_come_back_from_a_file(make, batch, tmp_path):
    model = make(name="net")
    images = images_for(model, batch)
    assert model(images).shape[0] == batch
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(copy) is type(model)
    assert json.dumps(copy.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(copy(images), model(images))


@every(MODELS)
@POLICIES
def test_models_give_float32_under_mixed_precision(make, policy):
    model = make(dtype=policy)
    copy = check_config(model)
    assert copy.dtype_policy.name == policy
    output = model(images_for(model, 2))
    assert output.dtype == "float32"
    assert np.all(np.isfinite(output))


@every(MODELS, slow=SLOW_TO_BUILD)
def test_a_frozen_network_stays_frozen(make, tmp_path):
    model = make(name="net")
    check_frozen(model, tmp_path)
    model.trainable = False
    check_frozen(model, tmp_path)
    assert not type(model).from_config(model.get_config()).trainable_variables


@pytest.mark.slow
@every(MODELS, slow=SLOW_TO_BUILD)
def test_layers_frozen_or_thawed_one_by_one_stay_so(make, tmp_path):
    model = make(name="net")
    inner = next((layer for layer in model.layers if isinstance(layer, keras.Model)), None)
    if inner is not None:
        inner.trainable = True
        check_frozen(model, tmp_path)
        inner.layers[1].trainable = False
        check_frozen(model, tmp_path)
        if "vit_encoder" in [layer.name for layer in inner.layers]:
            inner.get_layer("vit_encoder").encoder_layers[0].trainable = False  # the first block of the transformer
            check_frozen(model, tmp_path)
    with_weights = [layer for layer in model.layers if layer.weights and layer is not inner]
    for layer in with_weights[::2]:
        layer.trainable = False
    check_frozen(model, tmp_path)
    assert 0 < len(model.trainable_variables) < len(model.weights)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "8", None, [8]])
def test_sizes_that_are_not_positive_integers_are_refused_everywhere(wrong):
    from tf_denoise import layers, losses, metrics, models, uncertainty

    widths = [] if isinstance(wrong, list) else [4, wrong]
    refused = [
        lambda: layers.PadToMultiple(wrong),
        lambda: layers.Resize(4, wrong),
        lambda: layers.TokensToGrid(wrong, 4),
        lambda: losses.WaveletSharpnessLoss(levels=wrong),
        lambda: losses.RegionalSharpnessLoss(window_size=wrong),
        lambda: losses.WindowedFrequencyLoss(step_size=0 if wrong is None else wrong),
        lambda: metrics.SSIM(1.0, filter_size=wrong),
        lambda: metrics.PSNR(1.0, image_shape=(4, 4, wrong)),
        lambda: models.DenseAutoencoder(wrong),
        lambda: models.DigitClassifier(num_classes=wrong),
        lambda: models.RefiningAutoencoder(wrong),
        lambda: models.TwoStageAutoencoder(8, widths),
        lambda: models.UNet(channels=wrong),
        lambda: models.UNet(widths=widths),
        lambda: models.UNet(stem=wrong),
        lambda: models.small_vit(layers=wrong),
        lambda: uncertainty.IntervalHead(channels=wrong),
        lambda: uncertainty.IntervalHead(width=wrong),
    ]
    for make in refused:
        with pytest.raises(ValueError, match="received"):
            make()
