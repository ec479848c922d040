import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import python

from tf_denoise.fitting.optimizer import SteadyAdam, averaging_adam


def moves_of(gradients, **options):
    """How far a weight is moved by each of the gradients, in learning rates."""
    optimizer, weight, moves = SteadyAdam(1.0, **options), keras.Variable([0.0]), []
    optimizer.build([weight])
    step = tf.function(lambda gradient: optimizer.apply([gradient], [weight]))
    for gradient in gradients:
        before = float(weight[0])
        step(tf.constant([gradient], "float32"))
        moves.append(float(weight[0]) - before)
    return np.array(moves)


def adam(gradients, beta_1=0.9, beta_2=0.99):
    """Kingma and Ba's formula in float64."""
    mean = square = 0.0
    moves = []
    for step, gradient in enumerate(gradients, 1):
        mean = beta_1 * mean + (1 - beta_1) * gradient
        square = beta_2 * square + (1 - beta_2) * gradient**2
        moves.append(-(mean / (1 - beta_1**step)) / (np.sqrt(square / (1 - beta_2**step)) + 1e-7))
    return np.array(moves)


def clipped(gradients, clip=3.0):
    """The docstring's formula in float64."""
    usual, found = 0.0, []
    for gradient in gradients:
        norm = abs(gradient)
        usual = usual or norm
        bound = clip * usual
        found.append(gradient * min(1.0, bound / norm))
        usual += 0.02 * (min(norm, bound) - usual)
    return found


GRADIENTS = np.random.default_rng(0).lognormal(0, 1.5, 60) * np.random.default_rng(1).choice([-1, 1], 60)


def test_without_clipping_it_is_adam():
    np.testing.assert_allclose(moves_of(GRADIENTS, clip=None), adam(GRADIENTS), rtol=1e-4)


def test_gradients_are_clipped_at_a_multiple_of_their_usual_norm():
    np.testing.assert_allclose(moves_of(GRADIENTS), adam(clipped(GRADIENTS)), rtol=1e-4)


def test_the_norm_is_that_of_all_variables_together():
    optimizer, weights = SteadyAdam(1.0), [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
    optimizer.apply([tf.constant([2.0, 3.0]), tf.constant([6.0])], weights)
    assert float(optimizer.usual_norm) == pytest.approx(7.0)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_an_outburst_pushes_the_weights_no_further_than_other_gradients_whatever_the_scale_of_the_loss(scale):
    gradients = np.random.default_rng(0).normal(0, 1, 230)
    outburst = np.where(np.arange(230) == 200, -1e6, gradients)
    usual = moves_of(scale * gradients)[200:230].sum()
    assert abs(moves_of(scale * outburst)[200:230].sum() - usual) < 4
    assert abs(moves_of(scale * outburst, clip=None)[200:230].sum() - usual) > 7


def test_starting_again_forgets_the_gradients_and_halves_the_rate():
    optimizer, weight = SteadyAdam(1.0, use_ema=True, ema_momentum=0.9), keras.Variable([0.0])
    for _ in range(50):
        optimizer.apply([tf.constant([1.0])], [weight])
    weight.assign([5.0])
    optimizer.start_again([weight], usual_norm=2.0)
    assert float(optimizer.usual_norm) == 2.0
    optimizer.apply([tf.constant([0.0])], [weight])
    assert float(weight[0]) == 5.0  # nothing pushes on
    optimizer.apply([tf.constant([1.0])], [weight])
    half_a_step = 0.5 * np.sqrt(1 - 0.99**52) / (1 - 0.9**52)
    assert float(weight[0]) == pytest.approx(5 - half_a_step, abs=1e-3)
    optimizer.finalize_variable_values([weight])
    assert float(weight[0]) == pytest.approx(5 - 0.1 * half_a_step, abs=1e-3)


@pytest.mark.parametrize("clip", [0, -1, float("nan"), float("inf"), "much"])
def test_a_clip_that_is_no_number_above_0_is_refused(clip):
    with pytest.raises(ValueError, match="`clip` is a number above 0, or None; received"):
        SteadyAdam(clip=clip)


def test_it_comes_back_from_its_configuration():
    optimizer = averaging_adam(1e-3, 1000)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again) is SteadyAdam
    assert again.get_config() == optimizer.get_config()


def test_the_rate_rises_for_a_twentieth_of_the_steps_and_falls_to_zero():
    rate = averaging_adam(1e-3, 400)._learning_rate
    assert [round(float(rate(step)), 6) for step in (0, 10, 20, 210, 400)] == [0.0, 0.0005, 0.001, 0.0005, 0.0]


REPLICAS = """
import sys
import numpy as np
import keras, tensorflow as tf
from tf_denoise.fitting.optimizer import SteadyAdam
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

def trained(devices):
    keras.utils.set_random_seed(0)
    with tf.distribute.MirroredStrategy(devices).scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])
        model.compile(SteadyAdam(0.05, use_ema=True), "mse", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    x[24:28] *= 1000  # an outburst, on one of the replicas alone
    norms = []
    follow = lambda batch, logs: norms.append(np.asarray(model.optimizer.usual_norm))
    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=follow)]
    model.fit(x, x.sum(1), batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
    model.optimizer.start_again(model.trainable_variables)
    assert np.asarray(model.optimizer.rate_factor) == 0.5
    model.fit(x, x.sum(1), batch_size=8, epochs=1, shuffle=False, verbose=0)
    return [*norms, *model.get_weights()]

for one, two in zip(trained(["CPU:0"]), trained(["CPU:0", "CPU:1"]), strict=True):
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-6)
print("alike")
"""


@pytest.mark.slow
@pytest.mark.process
def test_two_replicas_clip_the_gradient_of_their_whole_batch():
    result = python("-c", REPLICAS)
    assert result.returncode == 0, result.stderr
    assert "alike" in result.stdout


def test_it_trains_a_model_under_mixed_precision():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, dtype="mixed_float16")])
    model.compile(SteadyAdam(0.1), "mse", jit_compile=False)
    model.compile(keras.optimizers.LossScaleOptimizer(SteadyAdam(0.1)), "mse", jit_compile=False)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    losses = model.fit(x, x.sum(axis=1), epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
