"""The optimizer of the trainings: Adam that no single batch throws off its way, its rate, its averages."""

import keras
import tensorflow as tf
from keras import ops

from tf_denoise.checks import finite_number


@keras.saving.register_keras_serializable("tf_denoise")
class SteadyAdam(keras.optimizers.Adam):
    """Adam whose gradient is clipped at a few times the norm that it usually has.

    The norm of a gradient depends on the loss: 0.1 for a mean absolute error, a tenth of that for a squared one. So the
    bound is relative: the running mean of the global norm, over some 50 steps, times `clip`. A batch in thousands has a
    gradient that is thousands of times as large; clipped, it moves the weights as any other does.

    Its memory of squared gradients, 0.99 instead of 0.999, lets the step sizes follow soon.

    Formula:
        ```
        norm = global_norm(gradients);  bound = clip * usual
        gradients = gradients * min(1, bound / norm)
        usual = usual + 0.02 * (min(norm, bound) - usual)
        ```

    Args:
        learning_rate: A number or a schedule.
        beta_1: Memory of the gradients.
        beta_2: Memory of the squared gradients.
        clip: How many times the usual norm the global norm may be at most; `None` clips nothing.
        **kwargs: Further arguments of `keras.optimizers.Adam`, such as `use_ema`.

    Raises:
        ValueError: If `clip` is not a number above 0.

    Reference:
        - [Pascanu et al., On the difficulty of training recurrent neural networks, 2013](
          https://arxiv.org/abs/1211.5063)
        - [Seetharaman et al., AutoClip: Adaptive Gradient Clipping for Source Separation Networks, 2020](
          https://arxiv.org/abs/2007.14469)

    Example:
        >>> optimizer, weight = SteadyAdam(1.0, clip=3.0), keras.Variable([0.0])
        >>> optimizer.apply([ops.ones(1)], [weight])
        >>> optimizer.apply([1000 * ops.ones(1)], [weight])
        >>> round(float(optimizer.usual_norm), 2)
        1.04
    """

    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.99, clip: float | None = 3.0, **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, **kwargs)
        checked = None if clip is None else finite_number(clip)
        if clip is not None and not checked:
            raise ValueError(f"`clip` is a number above 0, or None; received {clip}.")
        self.clip = checked
        self._is_summed = False

    def build(self, variables) -> None:
        """Make the variables of the optimizer."""
        if self.built:
            return
        super().build(variables)
        options = {"trainable": False, "dtype": "float32", "aggregation": "only_first_replica"}
        self.usual_norm = keras.Variable(0.0, name="usual_norm", **options)
        self.rate_factor = keras.Variable(1.0, name="rate_factor", **options)

    def apply(self, grads, trainable_variables=None) -> None:
        """Update the variables with gradients, clipped."""
        grads = list(grads)
        if not self.built:
            self.build(self._trainable_variables if trainable_variables is None else trainable_variables)
        if self.clip is None:
            super().apply(grads, trainable_variables)
            return
        self._is_summed = _replicas() > 1  # once for the norm and the update: gradients are what devices exchange
        try:
            super().apply(self._clipped(_sum_over_replicas(grads)), trainable_variables)
        finally:
            self._is_summed = False

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Keras' own sum over the replicas, where it is not made already."""
        return list(grads_and_vars) if self._is_summed else super()._all_reduce_sum_gradients(grads_and_vars)

    def _clipped(self, grads: list) -> list:
        norm = ops.cast(tf.linalg.global_norm([gradient for gradient in grads if gradient is not None]), "float32")
        usual = ops.where(self.usual_norm > 0, self.usual_norm, norm)
        bound = self.clip * usual
        self.usual_norm.assign(usual + 0.02 * (ops.minimum(norm, bound) - usual))
        share = ops.minimum(1.0, bound / ops.maximum(norm, 1e-30))
        return [None if gradient is None else gradient * ops.cast(share, gradient.dtype) for gradient in grads]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Update a variable; the rate is that of the schedule times `rate_factor`."""
        super().update_step(gradient, variable, learning_rate * ops.cast(self.rate_factor, "float32"))

    def start_again(self, variables, usual_norm: float = 0.0) -> None:
        """Forget all gradients and go on at half the rate, from what the variables are now.

        Args:
            variables: The variables that are trained.
            usual_norm: What the norm of the gradient usually was when they had these values; 0 where that is not
                known, and the next gradient tells it.
        """
        for memory in (*self._momentums, *self._velocities):
            memory.assign(ops.zeros_like(memory))
        self.usual_norm.assign(usual_norm)
        if self.use_ema:
            for average, variable in zip(self._model_variables_moving_average, variables, strict=True):
                average.assign(variable)
        self.rate_factor.assign(0.5 * self.rate_factor)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "clip": self.clip}


def _replicas() -> int:
    """How many devices make this step together, asked within the step of one of them."""
    if not tf.distribute.has_strategy() or tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_replica_context().num_replicas_in_sync


def _sum_over_replicas(grads: list) -> list:
    """The gradients of the whole batch: under `tf.distribute`, the sum over the replicas.

    They are exchanged as one vector: one by one, some sixty exchanges would wait for each other.
    """
    if _replicas() == 1:
        return grads
    known = [gradient for gradient in grads if gradient is not None]
    flat = tf.concat([tf.reshape(ops.cast(gradient, "float32"), [-1]) for gradient in known], 0)
    summed = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, flat)
    parts = iter(tf.split(summed, [gradient.shape.num_elements() for gradient in known]))
    return [
        None if gradient is None else ops.cast(tf.reshape(next(parts), gradient.shape), gradient.dtype)
        for gradient in grads
    ]


def learning_rate(peak: float, steps_per_epoch: int, epochs: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to `peak` within the first epoch (the first tenth of a single one), then a cosine down to zero at the end.

    Example:
        >>> schedule = learning_rate(1.0, steps_per_epoch=100, epochs=1)
        >>> [round(float(schedule(step)), 2) for step in (0, 10, 55, 100)]
        [0.0, 1.0, 0.5, 0.0]
    """
    warmup = steps_per_epoch if epochs > 1 else steps_per_epoch // 10
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps_per_epoch * epochs - warmup), warmup_target=peak, warmup_steps=max(1, warmup)
    )


def averaging_adam(peak: float, steps: int) -> SteadyAdam:
    """Adam that goes up to a learning rate of `peak` and down to zero, and averages the weights on the way.

    The rate rises for a twentieth of the steps, 500 at most.
    """
    return SteadyAdam(rate_over(steps, peak), use_ema=True, ema_momentum=averaging_momentum(steps))


def rate_over(steps: int, peak: float) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up to `peak` within a twentieth of the steps, 500 at most, then a cosine down to zero at the end."""
    warmup = max(1, min(500, steps // 20))
    return keras.optimizers.schedules.CosineDecay(0.0, max(1, steps - warmup), warmup_target=peak, warmup_steps=warmup)


def averaging_momentum(steps: int) -> float:
    """Momentum of the moving average of the weights: its memory is a fiftieth of the training, at most 1,000 steps.

    The average begins with the weights of the start, and a short training must not end with a part of them.

    Example:
        >>> averaging_momentum(50_000), averaging_momentum(500), averaging_momentum(6)
        (0.999, 0.9, 0.0)
    """
    return 1 - 1 / min(1000, max(1, steps / 50))
