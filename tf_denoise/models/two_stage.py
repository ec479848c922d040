"""Two dense stages in one network: trained on together, or the same stage applied twice."""

import keras

from tf_denoise.chain import refine
from tf_denoise.models.autoencoder import DenseAutoencoder
from tf_denoise.models.base import Network, dense_sizes, dtype_policy
from tf_denoise.models.refiner import REFINER_FORMS, RefiningAutoencoder

TWICE = "twice"
TWICE_BOTH = "twice-both"
STAGE_FORMS = (*REFINER_FORMS, TWICE, TWICE_BOTH)


@keras.saving.register_keras_serializable("tf_denoise")
class TwoStageAutoencoder(Network):
    """Two stages for flattened images in [-1, 1], which are trained as one network.

    Formula:
        ```
        both, sos, correction:  g(y, f(y))      f a DenseAutoencoder, g a RefiningAutoencoder of that form
        twice:                  f(f(y))         one DenseAutoencoder
        twice-both:             g(y, g(y, y))   one RefiningAutoencoder of the form `both`
        ```

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer of a stage, from the input to the output.
        form: One of the five above.
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; defaults to the global policy.

    Attributes:
        first: The first stage.
        second: The second stage; the same one, where it is applied twice.

    Input shape:
        `(batch, size)`

    Output shape:
        `(batch, size)`, float32 in [-1, 1].

    Raises:
        ValueError: If `size` or a width is not a positive integer, or there is no such form.

    Example:
        >>> one, twice = DenseAutoencoder(784), TwoStageAutoencoder(784, form="twice")
        >>> one.count_params() == twice.count_params()
        True
    """

    ARGUMENTS = ("size", "hidden_units", "form")

    def __init__(self, size: int = 784, hidden_units=(512, 256, 512), form: str = "both", dtype=None, **kwargs):
        size, hidden_units = dense_sizes("TwoStageAutoencoder", size, hidden_units)
        if form not in STAGE_FORMS:
            raise ValueError(
                f"TwoStageAutoencoder takes one of {', '.join(STAGE_FORMS)} as its form; received {form!r}."
            )
        policy = dtype_policy(dtype)
        inputs = keras.Input((size,), name="noisy")
        if form == TWICE_BOTH:
            first = second = RefiningAutoencoder(size, hidden_units, dtype=policy, name="stage")
        elif form == TWICE:
            first = second = DenseAutoencoder(size, hidden_units, policy, name="stage")
        else:
            first = DenseAutoencoder(size, hidden_units, policy, name="first")
            second = RefiningAutoencoder(size, hidden_units, form, policy, name="second")
        # `training` is left open: the stages get that of the call.
        prediction = refine(first, inputs, inputs, training=None)
        super().__init__(inputs, refine(second, inputs, prediction, training=None), policy, **kwargs)
        self.size, self.hidden_units, self.form = size, hidden_units, form
        self.first, self.second = first, second
