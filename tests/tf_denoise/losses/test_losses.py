"""What every loss must do; what one loss alone must do stands in the test of its module."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from loss_cases import LOSSES, random_pair

EVERY_LOSS = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES.keys())
HALF = pytest.mark.parametrize("half", ["float16", "bfloat16"])


def value_and_gradient(loss, y_true, y_pred):
    y_pred = tf.convert_to_tensor(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred)
    return value, tape.gradient(value, y_pred)


@EVERY_LOSS
def test_gives_one_value_per_image(make):
    y_true, y_pred = random_pair()
    values = make(reduction="none")(y_true, y_pred).numpy()
    alone = [float(make()(y_true[i : i + 1], y_pred[i : i + 1])) for i in range(3)]
    assert values.shape == (3,)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, alone, rtol=1e-5)


@EVERY_LOSS
@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum", lambda v, w: (v * w).sum()),
        ("sum_over_batch_size", lambda v, w: (v * w).sum() / 3),
        ("mean", lambda v, w: (v * w).sum() / 3),
        ("mean_with_sample_weight", lambda v, w: (v * w).sum() / w.sum()),
        ("none", lambda v, w: v * w),
        (None, lambda v, w: v * w),
    ],
)
def test_obeys_reduction_and_sample_weight(make, reduction, expected):
    y_true, y_pred = random_pair()
    weight = np.array([0.0, 1.0, 2.5], "float32")
    values = make(reduction="none")(y_true, y_pred).numpy()
    actual = make(reduction=reduction)(y_true, y_pred, sample_weight=weight).numpy()
    np.testing.assert_allclose(actual, expected(values, weight), rtol=1e-5)


@EVERY_LOSS
def test_is_zero_for_identical_images_and_symmetric(make):
    y_true, y_pred = random_pair()
    np.testing.assert_array_equal(make(reduction="none")(y_true, y_true), 0)
    np.testing.assert_allclose(make()(y_true, y_pred), make()(y_pred, y_true), rtol=1e-6)
    assert float(make()(y_true, y_pred)) > 0


@EVERY_LOSS
@HALF
def test_computes_in_float32_of_half_precision_outputs(make, half):
    y_true, y_pred = random_pair((2, 24, 24, 3))
    # The zero frequency and the window sums of such images lie beyond the largest float16, 65504.
    y_pred = tf.cast(200 * y_pred, half)
    actual = make(reduction="none").call(tf.constant(y_true), y_pred)
    expected = make(reduction="none").call(tf.constant(y_true), tf.cast(y_pred, "float32"))
    assert actual.dtype == tf.float32
    np.testing.assert_array_equal(actual, expected)
    assert np.all(np.isfinite(make(dtype=f"mixed_{half}").call(y_pred, y_pred / 2)))


@pytest.mark.slow
@EVERY_LOSS
@HALF
def test_trains_under_mixed_precision(make, half):
    y_true, y_pred = random_pair((2, 16, 17, 3))
    layer = keras.layers.Conv2D(3, 3, padding="same", dtype=f"mixed_{half}")
    model = keras.Sequential([keras.Input((None, None, 3)), layer])
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=make(), jit_compile=half == "bfloat16")  # XLA once
    before = model.get_weights()[0]
    history = model.fit(y_pred, y_true, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert np.all(np.isfinite(model.get_weights()[0]))
    assert np.any(model.get_weights()[0] != before)


def checks(size):
    return np.broadcast_to((np.indices((16, 16)).sum(0) // size % 2)[None, :, :, None], (2, 16, 16, 2)).astype(
        "float32"
    )


ZEROS = np.zeros((2, 16, 16, 2), "float32")
RANDOM = random_pair((2, 16, 16, 2))[0]
HARD_PAIRS = {
    "zeros": (ZEROS, ZEROS),
    "constants": (ZEROS + 0.3, ZEROS + 0.7),
    "zeros of an image": (RANDOM, ZEROS),
    "constant of an image": (RANDOM, ZEROS + 0.5),
    "image of zeros": (ZEROS, RANDOM),
    "identical": (RANDOM, RANDOM),
    "checkerboards": (checks(1), checks(1)),
    "checkerboards of two sizes": (checks(1), checks(4)),
    "inverted checkerboard": (checks(1), 1 - checks(1)),
}


@pytest.mark.slow
@EVERY_LOSS
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_is_finite_on_hard_pairs(make, jit_compile):
    compute = tf.function(lambda a, b: value_and_gradient(make(), a, b), jit_compile=jit_compile)
    for name, (y_true, y_pred) in HARD_PAIRS.items():
        value, gradient = compute(tf.constant(y_true), tf.constant(y_pred))
        assert np.isfinite(value), name
        assert np.all(np.isfinite(gradient)), name


@EVERY_LOSS
@pytest.mark.parametrize("shape", [(2, 16, 16, 1), (1, 17, 16, 3), (1, 19, 21, 4)])
def test_gradient_is_that_of_finite_differences(make, shape):
    y_true, y_pred = random_pair(shape, dtype="float64")
    loss = make(dtype="float64")
    direction = np.random.default_rng(2).normal(size=shape)
    step = 1e-7
    _, gradient = value_and_gradient(loss, y_true, y_pred)
    difference = loss(y_true, y_pred + step * direction) - loss(y_true, y_pred - step * direction)
    np.testing.assert_allclose(np.sum(gradient * direction), float(difference) / (2 * step), rtol=1e-4)


@pytest.mark.slow
@EVERY_LOSS
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("spec", [(None, 17, 22, 3), (None, None, None, 3)], ids=["unknown batch", "unknown size"])
def test_is_alike_eager_in_a_graph_and_compiled(make, jit_compile, spec):
    y_true, y_pred = random_pair()
    signature = [tf.TensorSpec(spec), tf.TensorSpec(spec)]
    compute = tf.function(
        lambda a, b: value_and_gradient(make(), a, b), jit_compile=jit_compile, input_signature=signature
    )
    eager = value_and_gradient(make(), y_true, y_pred)
    actual = compute(y_true, y_pred)
    np.testing.assert_allclose(actual[0], eager[0], rtol=1e-5)
    np.testing.assert_allclose(actual[1], eager[1], rtol=1e-3, atol=1e-5 * np.abs(eager[1]).max())


@pytest.fixture(scope="session")
def kernels():
    script = Path(__file__).parents[2] / "support" / "train_on_replicas.py"
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", LOSSES)
def test_two_replicas_make_the_step_of_one(kernels, name):
    one, two = np.array(kernels[name])
    assert np.abs(one).max() > 1e-3
    np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-5 * np.abs(one).max())


@EVERY_LOSS
def test_round_trips_through_its_config(make):
    y_true, y_pred = random_pair()
    loss = make(reduction="sum", name="mine")
    again = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert (again.name, again.reduction) == ("mine", "sum")
    assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))


@pytest.mark.slow
@EVERY_LOSS
def test_round_trips_through_a_keras_file(make, tmp_path):
    y_true, y_pred = random_pair()
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 3, padding="same")])
    model.compile(optimizer="sgd", loss=make(), jit_compile=False)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    assert again.evaluate(y_pred, y_true, verbose=0) == pytest.approx(model.evaluate(y_pred, y_true, verbose=0))


@EVERY_LOSS
@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "message"),
    [
        ((16, 16, 3), (16, 16, 3), r"expected shape \(batch, height, width, channels\), received \(16, 16, 3\)"),
        ((2, 3, 16, 16), (2, 3, 16, 16), "has its channels first.*Transpose it"),
        ((2, 16, 17, 3), (2, 16, 16, 3), "must have one shape; received"),
        ((2, 16, 16, 1), (2, 16, 16, 3), "must have one shape; received"),
        ((1, 16, 16, 3), (2, 16, 16, 3), "must have one shape; received"),
    ],
    ids=["rank", "channels first", "size", "channels", "batch"],
)
def test_refuses_what_are_not_two_batches_of_images(make, true_shape, pred_shape, message):
    sharpness = [member for _, member in getattr(make(), "members", [(1, make())]) if isinstance(member, keras.Loss)]
    for loss in sharpness:
        with pytest.raises(ValueError, match=message):
            loss(np.zeros(true_shape, "float32"), np.zeros(pred_shape, "float32"))


@EVERY_LOSS
def test_refuses_shapes_that_prove_different_when_the_graph_runs(make):
    loss = make()
    run = tf.function(lambda a, b: loss(a, b), input_signature=[tf.TensorSpec((None, None, None, 3))] * 2)
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(tf.zeros((2, 16, 16, 3)), tf.zeros((2, 16, 20, 3)))


@EVERY_LOSS
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "much"])
def test_refuses_a_number_that_is_negative_or_not_finite(make, value):
    config = make().get_config()
    for name in {"scale", "high_freq_weight"} & set(config):
        with pytest.raises(ValueError, match=f"`{name}` is a finite number of at least 0; received"):
            type(make())(**{**config, name: value})
    for weight in ("members",) if "members" in config else ():
        with pytest.raises(ValueError, match="weight` is a finite number of at least 0; received"):
            type(make())(**{**config, weight: [(value, "mse")]})
