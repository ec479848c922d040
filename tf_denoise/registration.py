"""Which classes `keras.models.load_model` finds by name."""

import importlib

NAMES = {
    "tf_denoise.layers": (
        "ClipForUse",
        "CropLike",
        "JoinWindows",
        "PadToMultiple",
        "Resize",
        "ResizeLike",
        "SplitWindows",
        "TokensToGrid",
    ),
    "tf_denoise.models": (
        "DenseAutoencoder",
        "DigitClassifier",
        "RefiningAutoencoder",
        "TwoStageAutoencoder",
        "TwoStageUNet",
        "UNet",
        "ViTUNet",
    ),
    "tf_denoise.uncertainty": ("IntervalHead",),
}
"""Classes that run on every backend of Keras."""

TENSORFLOW_NAMES = {
    "tf_denoise.fitting": ("SteadyAdam",),
    "tf_denoise.losses": (
        "FrequencySharpnessLoss",
        "MemberMetric",
        "RegionalSharpnessLoss",
        "WaveletSharpnessLoss",
        "WeightedSumLoss",
        "WindowedFrequencyLoss",
    ),
    "tf_denoise.metrics": ("PSNR", "SSIM"),
    "tf_denoise.noise": (
        "AdditiveGaussian",
        "CameraNoise",
        "ConstantLevel",
        "MixedLevel",
        "MultiLevel",
        "PoissonGaussian",
        "SaltAndPepper",
    ),
}
"""Classes that need the TensorFlow backend."""


def register() -> None:
    """Let `keras.models.load_model` find every layer, loss, metric, noise and model of this package.

    `import keras, tf_denoise` does it by itself. Call it after `import tf_denoise, keras`, or before a model is loaded
    by code that imports nothing of this package. Under another backend than TensorFlow the names of the classes that
    need TensorFlow are known too, and loading one of them says in a sentence what it needs.

    Example:
        >>> import keras
        >>> register()
        >>> keras.saving.get_registered_object("tf_denoise>UNet").__name__
        'UNet'
    """
    from tf_denoise.backend import runs_on_tensorflow

    names = NAMES | TENSORFLOW_NAMES if runs_on_tensorflow() else NAMES
    for module, classes in names.items():
        for name in classes:
            getattr(importlib.import_module(module), name)  # each class registers itself where it is defined
    if not runs_on_tensorflow():
        for classes in TENSORFLOW_NAMES.values():
            for name in classes:
                _register_refusal(name)


def _register_refusal(name: str) -> None:
    """Register a class of that name that refuses the backend when it is made."""
    import keras

    from tf_denoise.backend import needs_tensorflow

    if keras.saving.get_registered_object(f"tf_denoise>{name}") is not None:
        return

    def from_config(config):
        needs_tensorflow(name)

    refusal = type(name, (), {"get_config": lambda self: {}, "from_config": staticmethod(from_config)})
    keras.saving.register_keras_serializable("tf_denoise")(refusal)
