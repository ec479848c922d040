"""What all networks have in common: a data type policy, and a configuration that gives the same network back."""

from typing import Any, ClassVar

import keras

from tf_denoise.checks import whole_number, whole_numbers
from tf_denoise.errors import InputError


def dtype_policy(dtype: Any = None) -> keras.DTypePolicy:
    """The policy of an argument `dtype`; the global policy for `None`."""
    return keras.dtype_policies.get(dtype or keras.config.dtype_policy())


class _Presets:
    """The presets of a class, by name."""

    def __get__(self, instance, owner) -> dict[str, dict[str, Any]]:
        from tf_denoise.presets.catalogue import preset_facts, preset_names

        found = {name: preset_facts(name) for name in preset_names()}
        return {name: facts for name, facts in found.items() if facts["class_name"] == owner.__name__}


class Network(keras.Model):
    """A functional model that is built from a few arguments, and is saved as these.

    A class names its constructor's arguments in `ARGUMENTS` and keeps each as an attribute of that name; `dtype` is
    kept here. It builds its graph, then calls this constructor with the two ends of it.

    What is frozen stays frozen: the configuration holds `trainable`, and where layers were frozen or thawed one by one
    `frozen_layers`, the paths of all that are frozen.

    Args:
        inputs: Symbolic input.
        outputs: Symbolic output.
        policy: Data type policy that the graph was built with.
        trainable: Whether the network is trained; `False` freezes all of its layers.
        frozen_layers: Paths of the layers that are frozen, such as `["stem", "small_vit/vit_encoder"]`; all others
            are not. Defaults to what the class freezes by itself.
        **kwargs: `name`, for Keras.
    """

    ARGUMENTS: ClassVar[tuple[str, ...]] = ()
    dtype_policy: keras.DTypePolicy
    presets = _Presets()
    """The trained networks of this class that are part of the package: by name, what is known of each."""

    def __init__(self, inputs, outputs, policy, trainable: bool = True, frozen_layers=None, **kwargs):
        super().__init__(inputs, outputs, **kwargs)
        self.dtype_policy = policy  # a functional model ignores the argument `dtype`
        if frozen_layers is not None:
            for layer in self.layers:
                layer.trainable = True
            for path in frozen_layers:
                _layer_at(self, path).trainable = False
        if not trainable:
            self.trainable = False

    @classmethod
    def from_preset(cls, name: str, dtype: Any = None) -> "Network":
        """A trained network that is part of the package; nothing is downloaded.

        Args:
            name: One of `presets`.
            dtype: Data type or policy of its layers; defaults to the global policy.

        Returns:
            The network, not compiled, ready for inference or for `fit`.

        Raises:
            InputError: If there is no such preset, it is of another class, or its file is damaged.
        """
        from tf_denoise.runs.loading import load_preset

        network = load_preset(name)
        if type(network) is not cls:
            kind = type(network).__name__
            raise InputError(f"The preset {name!r} is a {kind}, not a {cls.__name__}: call {kind}.from_preset.")
        return in_dtype(network, dtype)

    @property
    def frozen_by_itself(self) -> tuple[str, ...]:
        """Paths of the layers that the constructor freezes for the arguments it was given."""
        return ()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = {name: _plain(getattr(self, name)) for name in self.ARGUMENTS}
        config["dtype"] = keras.dtype_policies.serialize(self.dtype_policy)
        config |= {"name": self.name, "trainable": self.trainable}
        frozen = _frozen(self)
        if self.trainable and frozen != self.frozen_by_itself:
            config["frozen_layers"] = list(frozen)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None) -> "Network":
        """The network of a configuration."""
        return cls(**config)


def in_dtype(network: Network, dtype: Any = None) -> Network:
    """The same network in another data type, its weights in float32; itself where it is of that type already.

    Args:
        network: The network.
        dtype: Data type or policy; defaults to the global policy.
    """
    policy = dtype_policy(dtype)
    if policy.name == network.dtype_policy.name:
        return network
    again = type(network).from_config({**network.get_config(), "dtype": policy.name})
    again.set_weights(network.get_weights())
    return again


def dense_sizes(name: str, size: Any, hidden_units: Any) -> tuple[int, tuple[int, ...]]:
    """The number of pixels and the widths of a dense network.

    Raises:
        ValueError: If one of them is not a positive integer, or there is no width.
    """
    checked, widths = whole_number(size), whole_numbers(hidden_units)
    if checked is None or not widths:
        raise ValueError(
            f"{name} takes a positive integer size and one or more positive integer hidden_units; "
            f"received size={size}, hidden_units={hidden_units}."
        )
    return checked, widths


def _plain(value):
    """An argument as JSON has it."""
    if isinstance(value, keras.Model):
        return keras.saving.serialize_keras_object(value)
    return list(value) if isinstance(value, tuple) else value


def _inner(layer) -> dict[str, keras.layers.Layer]:
    """The layers within a layer: those of a model by name, others by number, as their names may be made up."""
    if hasattr(layer, "layers"):
        return {inner.name: inner for inner in layer.layers}
    children = layer._flatten_layers(include_self=False, recursive=False)
    return {str(number): inner for number, inner in enumerate(children)}


def _frozen(layer, before: str = "") -> tuple[str, ...]:
    """Paths of the frozen layers, the outermost of each branch."""
    found: list[str] = []
    for name, inner in _inner(layer).items():
        found += _frozen(inner, f"{before}{name}/") if inner.trainable else [before + name]
    return tuple(found)


def _layer_at(layer, path: str):
    for name in path.split("/"):
        layer = _inner(layer)[name]
    return layer
