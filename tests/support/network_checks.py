"""What every network for images of any size must pass."""

import json

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.models import UNet


def noisy_images(batch: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """Images whose values also lie a little outside [0, 1], as noisy ones do."""
    values = np.random.default_rng(seed).normal(0.5, 0.3, (batch, height, width, channels))
    return values.astype("float32")


def with_random_weights(model, scale: float = 0.3, seed: int = 0):
    """Every weight drawn anew, biases too, so that nothing hides behind a zero of the initialisation."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        fan_in = int(np.prod(variable.shape[:-1])) if len(variable.shape) > 1 else 1
        variable.assign(rng.normal(0, scale if fan_in == 1 else fan_in**-0.5, variable.shape))
    return model


def gentle_net(head: float):
    """A small U-Net for colour that changes pictures a little: its last layer's random weights times `head`."""
    model = with_random_weights(UNet(3, (4, 6), blocks=1), seed=1)
    last = model.get_layer("head")
    last.set_weights([head * weights for weights in last.get_weights()])
    return model


def check_round_trips(model, images, tmp_path) -> None:
    """The configuration and a file give the same model back."""
    copy = type(model).from_config(model.get_config())
    assert copy.get_config() == model.get_config()
    assert [variable.path for variable in copy.weights] == [variable.path for variable in model.weights]
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(images), model(images))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    assert type(loaded) is type(model)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())  # which knows no tuples
    np.testing.assert_array_equal(loaded(images), model(images))


def check_compiled(model, sizes) -> None:
    """Eager, in one graph for all sizes, and under XLA the same image comes out, of the size that goes in."""
    signature = [tf.TensorSpec((None, None, None, model.channels), tf.float32)]
    graph, compiled = (tf.function(model.__call__, signature, jit_compile=jit) for jit in (None, True))
    for batch, height, width in sizes:
        images = noisy_images(batch, height, width, model.channels)
        expected = model(images)
        assert expected.shape == images.shape
        assert expected.dtype == "float32"
        np.testing.assert_allclose(graph(images), expected, atol=2e-5 * np.abs(expected).max())
    np.testing.assert_allclose(compiled(images), expected, atol=2e-5 * np.abs(expected).max())


def check_export(model, sizes, tmp_path) -> None:
    """The SavedModel alone gives the model's output at every size."""
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported")
    for batch, height, width in sizes:
        images = noisy_images(batch, height, width, model.channels)
        expected = model(images)
        np.testing.assert_allclose(served.serve(images), expected, atol=2e-5 * np.abs(expected).max())


def check_gradients(model, images, reaches_all: bool = True) -> None:
    """Every trainable weight has a finite gradient, and where something `reaches_all` weights, one that is not zero."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(images, training=True) - 0.5))
    for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_weights), strict=True):
        assert gradient is not None, variable.path
        values = np.asarray(tf.convert_to_tensor(gradient))
        assert np.all(np.isfinite(values)), variable.path
        assert np.any(values) or not reaches_all, variable.path
