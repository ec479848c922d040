import keras
import numpy as np
import pytest

from tf_denoise.models import DenseAutoencoder, DigitClassifier

IMAGES = np.random.default_rng(0).uniform(-1, 1, (5, 20)).astype("float32")
MODELS = {
    "autoencoder": lambda **k: DenseAutoencoder(20, (8, 4, 8), name="net", **k),
    "classifier": lambda **k: DigitClassifier(20, (8, 6), num_classes=3, dropout=0.5, name="net", **k),
}
EVERY_MODEL = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())


def by_hand(model, inside, outside):
    """The forward pass in NumPy."""
    values = IMAGES.astype("float64")
    *hidden, last = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for kernel, bias in hidden:
        values = inside(values @ kernel + bias)
    return outside(values @ last[0] + last[1])


def softmax(values):
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_the_autoencoder_is_elu_inside_and_tanh_outside():
    model = MODELS["autoencoder"]()
    expected = by_hand(model, lambda v: np.where(v > 0, v, np.expm1(v)), np.tanh)
    np.testing.assert_allclose(model(IMAGES), expected, atol=1e-5)
    assert [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)] == [8, 4, 8, 20]


def test_the_classifier_is_relu_inside_and_softmax_outside():
    model = MODELS["classifier"]()
    np.testing.assert_allclose(model(IMAGES), by_hand(model, lambda v: np.maximum(v, 0), softmax), atol=1e-5)
    np.testing.assert_allclose(np.sum(model(IMAGES), axis=1), 1, atol=1e-6)


def test_the_classifier_drops_hidden_values_while_training_alone():
    model = MODELS["classifier"]()
    np.testing.assert_array_equal(model(IMAGES), model(IMAGES, training=False))
    assert np.any(model(IMAGES, training=True).numpy() != model(IMAGES).numpy())


@EVERY_MODEL
def test_models_round_trip_through_their_config(make):
    model = make()
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert copy.name == "net"
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(IMAGES), model(IMAGES))


@EVERY_MODEL
def test_models_round_trip_through_a_file(make, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


@EVERY_MODEL
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_16_bit_and_returns_float32(make, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = make()
    keras.config.set_dtype_policy("float32")
    assert model.get_layer("hidden1").compute_dtype == policy.removeprefix("mixed_")
    assert {variable.dtype for variable in model.weights} == {"float32"}
    prediction = model(IMAGES)
    assert prediction.dtype == "float32"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IMAGES), prediction)


@EVERY_MODEL
def test_a_dtype_of_its_own_survives_the_config(make):
    model = make(dtype="mixed_bfloat16")
    copy = type(model).from_config(model.get_config())
    assert copy.dtype_policy.name == "mixed_bfloat16"
    assert copy.get_layer("hidden1").compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    ("size", "hidden_units"), [(0, (8,)), (20, ()), (20, (8, 0)), (20, (8, -1)), (20, (8.5,)), (2.0, (8,))]
)
def test_the_autoencoder_refuses_widths_that_are_none(size, hidden_units):
    with pytest.raises(ValueError, match=r"positive integer size and one or more positive integer hidden_units; rec"):
        DenseAutoencoder(size, hidden_units)


@pytest.mark.slow
@EVERY_MODEL
def test_models_learn(make):
    keras.utils.set_random_seed(0)
    model = make()
    autoencodes = isinstance(model, DenseAutoencoder)
    target = 0.5 * IMAGES if autoencodes else np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]
    model.compile(keras.optimizers.Adam(0.02), "mse" if autoencodes else "categorical_crossentropy", jit_compile=False)
    before = model.evaluate(IMAGES, target, verbose=0)
    often = [np.tile(values, (100, 1)) for values in (IMAGES, target)]
    model.fit(*often, batch_size=len(IMAGES), shuffle=False, verbose=0)
    assert model.evaluate(IMAGES, target, verbose=0) < 0.5 * before
