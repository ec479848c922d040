"""A sum of losses with a weight each, and each of them as a metric."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_denoise.backend import needs_tensorflow
from tf_denoise.losses.base import ImageLoss
from tf_denoise.losses.checks import checked_number


def weighted_sum(y_true, y_pred, members: Sequence[tuple[float, object]]) -> tf.Tensor:
    """The sum of several losses with a weight each.

    Formula:
        ```
        loss = sum over members of weight * mean over all but the first axis of member(y_true, y_pred)
        ```

    Args:
        y_true: Target `(batch, ...)`.
        y_pred: Output `(batch, ...)`.
        members: Pairs `(weight, loss)`; a loss is anything that `keras.losses.get` takes.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If `members` are not such pairs, a weight is negative or not finite, or a member gives one value
            for the whole batch.

    Example:
        >>> import numpy as np
        >>> black, grey = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)
        >>> [round(float(v), 3) for v in weighted_sum(grey, black, [(0.8, "mse"), (0.2, "mae")])]
        [0.3]
    """
    return tf.add_n([weight * _value_per_image(loss, y_true, y_pred) for weight, loss in _checked_members(members)])


def _checked_members(members) -> list[tuple[float, object]]:
    try:
        pairs = [(weight, loss) for weight, loss in members]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            "`members` are one or more pairs of weight and loss, such as [(0.8, 'mse'), (0.2, "
            f"FrequencySharpnessLoss())]; received {members!r}."
        )
    checked = []
    for index, (weight, loss) in enumerate(pairs):
        weight = checked_number(weight, f"members[{index}]'s weight")
        loss = keras.losses.get(loss)
        if not callable(loss):
            raise ValueError(f"members[{index}] is a weight and a Keras loss or its name; received {loss!r}.")
        checked.append((weight, loss))
    return checked


def _value_per_image(loss, y_true, y_pred) -> tf.Tensor:
    """A loss before its reduction, in float32, averaged over every axis but the first."""
    y_true, y_pred = (
        tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)
        for tensor in (tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred))
    )
    values = tf.convert_to_tensor((loss.call if isinstance(loss, keras.losses.Loss) else loss)(y_true, y_pred))
    if values.shape.rank in (None, 0):
        raise ValueError(
            f"A member of a weighted sum gives one value per image or per pixel, so that sample weights and several "
            f"replicas work; {_name_of(loss)!r} gave shape {values.shape}. Leave the batch axis out of its mean."
        )
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _name_of(loss) -> str:
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__))


@keras.saving.register_keras_serializable("tf_denoise")
class WeightedSumLoss(ImageLoss):
    """Several losses as one: `weighted_sum` as a Keras loss.

    Every member is brought to one value per image before the sum (Keras' own "mse" gives a map of them); the reduction
    of a member that is a `keras.losses.Loss` is not used, that of the sum is.

    Formula:
        ```
        loss = sum over members of weight * mean over all but the first axis of member(y_true, y_pred)
        ```

    Args:
        members: Pairs `(weight, loss)`. A loss is a name that Keras knows ("mse"), a `keras.losses.Loss`, a function
            of `(y_true, y_pred)` or the configuration of one. A weight is at least 0.
        reduction, name, dtype: As those of `ImageLoss`.

    Call arguments:
        y_true: Target `(batch, ...)`.
        y_pred: Output `(batch, ...)`.

    Raises:
        ValueError: If `members` are not such pairs, a weight is negative or not finite, or a member gives one value
            for the whole batch.

    Example:
        >>> import keras
        >>> from tf_denoise.losses import FrequencySharpnessLoss
        >>> loss = WeightedSumLoss([(0.8, "mse"), (0.2, FrequencySharpnessLoss())])
        >>> model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")])
        >>> model.compile(loss=loss, metrics=loss.member_metrics())
        >>> [metric.name for metric in loss.member_metrics()]
        ['mean_squared_error', 'frequency_sharpness']
    """

    ARGUMENTS = ("members",)
    value_per_image = staticmethod(weighted_sum)

    def __init__(self, members, reduction="sum_over_batch_size", name: str = "weighted_sum", dtype=None):
        super().__init__({"members": _checked_members(members)}, reduction, name, dtype)

    def member_metrics(self) -> list["MemberMetric"]:
        """Each member, without its weight, as a metric for `compile(metrics=...)`.

        A name that occurs again gets a number: "frequency_sharpness", "frequency_sharpness_2".
        """
        metrics: list[MemberMetric] = []
        seen: dict[str, int] = {}
        for _, loss in self.members:
            name = _name_of(loss)
            seen[name] = seen.get(name, 0) + 1
            metrics.append(MemberMetric(loss, name=name if seen[name] == 1 else f"{name}_{seen[name]}"))
        return metrics

    def get_config(self) -> dict:
        """The constructor's arguments."""
        members = [[weight, keras.losses.serialize(loss)] for weight, loss in self.members]
        return {**super().get_config(), "members": members}


@keras.saving.register_keras_serializable("tf_denoise")
class MemberMetric(keras.metrics.Mean):
    """The mean of a loss over all images seen, without weight: what `WeightedSumLoss.member_metrics` gives.

    Args:
        loss: Anything that `keras.losses.get` takes.
        name: Name of the metric; that of the loss if `None`.
        dtype: Data type of the mean.

    Example:
        >>> metric = MemberMetric("mae")
        >>> metric.update_state([[1.0], [2.0]], [[0.0], [0.0]])
        >>> float(metric.result())
        1.5
    """

    def __init__(self, loss, name: str | None = None, dtype=None):
        needs_tensorflow(type(self).__name__)
        self.loss = keras.losses.get(loss)
        super().__init__(name=name or _name_of(self.loss), dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch; `sample_weight` is one value per image."""
        return super().update_state(_value_per_image(self.loss, y_true, y_pred), sample_weight)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss)}
