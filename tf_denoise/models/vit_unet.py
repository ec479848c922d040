"""A U-Net whose bottleneck also sees the tokens of a vision transformer."""

import math

import keras
from keras import layers

from tf_denoise.checks import one_of, whole_numbers
from tf_denoise.errors import InputError, reason
from tf_denoise.extras import require
from tf_denoise.layers import CropLike, JoinWindows, PadToMultiple, Resize, ResizeLike, SplitWindows, TokensToGrid
from tf_denoise.models.base import Network, dtype_policy
from tf_denoise.models.unet import UNetSpec, decoder, encoder, head, stem

VIEWS = ("whole", "windows")
# What goes with a kind of blocks: the rest of `UNet()` and of `UNet.original()`.
_REST = {"residual": {"skips": "add", "stem": 2}, "plain": {"skips": "concat", "stem": 1}}


@keras.saving.register_keras_serializable("tf_denoise")
class ViTUNet(Network):
    """A U-Net for images of any size, helped by a vision transformer that has its own view of the noisy image.

    The image, padded as in `UNet`, is resized (bilinear) to the size that the transformer takes and scaled from [0, 1]
    to [-1, 1]; a grey one is repeated to three channels. The transformer's patch tokens go back on their grid, are
    resized (bilinear) to what the U-Net's bottleneck takes, projected, and concatenated with it.

    So the transformer sees a crop enlarged in training and a photograph reduced in use. With `view="windows"` it sees
    both as they are: its view is padded until windows of its size tile it, each window is looked at by itself, and the
    tokens of all windows are put beside each other. Crops to train on are best a multiple of the windows.

    The tokens of a fresh transformer are nearly alike at all places and say nothing yet. A U-Net that is trained along
    learns to silence them, and with a mere ReLU between the projections every unit is below zero within a hundred
    steps, for good. So the residual kind normalises the projected channels, so that no common push silences all units,
    and its last projection starts at zero: the network begins as a U-Net and takes in tokens as they help.

    A configuration or a file of the model holds the transformer's configuration, so that loading never downloads.

    The stages have the names of `UNet`; the tokens on their grid are the output of the layer `vit_grid`.

    Args:
        vit: A `keras_hub.models.ViTBackbone`, from `small_vit()` or `load_vit(preset)`. It becomes part of the model,
            and `frozen` decides whether it is trainable.
        channels: Channels of the image, 1 for grey, or those that `vit` takes.
        widths: Channels of each encoder stage, then of the bottleneck.
        block: `"residual"` or `"plain"`: the U-Net is like `UNet()` or like `UNet.original()` but for its widths.
        token_widths: Width of each projection of the tokens, one or more. Between them is a layer normalisation and a
            GELU in the residual kind, a ReLU in the plain one.
        frozen: Whether `vit` stays as it is while the rest is trained, its dropout off.
        blocks: Number of blocks of a stage.
        view: What the transformer sees: `"whole"`, the image in its size, or `"windows"` of its size in turn.
        dtype: Data type or policy of all layers but those of `vit`; defaults to the global policy.

    Attributes, input and output shape: Those of `UNet`, `stride` that of the windows where there are some.

    Raises:
        ValueError: If `vit` is not a vision transformer with a fixed image shape that its patches divide, if `channels`
            does not fit to it, if windows are no multiple of the U-Net's stride, or if another argument is not among
            those above.

    Reference:
        - [Dosovitskiy et al., An Image is Worth 16x16 Words, 2020](https://arxiv.org/abs/2010.11929)

    Example:
        >>> import numpy as np
        >>> model = ViTUNet(small_vit(image_size=32, layers=1), channels=1, widths=(8, 16))
        >>> model(np.zeros((2, 13, 7, 1), "float32")).shape
        TensorShape([2, 13, 7, 1])
    """

    ARGUMENTS = ("vit", "channels", "widths", "block", "token_widths", "frozen", "blocks", "view")

    def __init__(
        self,
        vit: keras.Model,
        channels: int = 3,
        widths=(64, 128, 256),
        block: str = "residual",
        token_widths=(128, 128),
        frozen: bool = False,
        blocks: int = 1,
        view: str = "whole",
        dtype=None,
        **kwargs,
    ):
        policy = dtype_policy(dtype)
        spec = UNetSpec.checked(channels, widths, block, blocks, **_REST.get(block, _REST["plain"]), dtype=policy)
        projections = whole_numbers(token_widths)
        if not projections:
            raise ValueError(f"ViTUNet takes one or more positive integer token_widths; received {token_widths}.")
        grid, by_window = _grid(vit, spec.channels), one_of(view, VIEWS, "view of a ViTUNet") == "windows"
        window = vit.image_shape[:2]
        if by_window and (window[0] % spec.stride or window[1] % spec.stride):
            raise ValueError(
                f"The sides of windows are multiples of the U-Net's stride, {spec.stride} pixels; received a "
                f"transformer that takes {window[0]} x {window[1]}."
            )
        if frozen:
            vit.trainable = True  # Keras passes a value on to the layers only where it changes
        vit.trainable = not frozen

        noisy = keras.Input((None, None, spec.channels), dtype="float32", name="noisy")
        padded, x = stem(noisy, spec)
        x, maps = encoder(x, spec)
        side = math.lcm(*window)
        shown = PadToMultiple(side, dtype="float32", name="vit_padded")(padded) if by_window else padded
        seen = _view(shown, vit, by_window)
        tokens = vit(seen, training=False) if frozen else vit(seen)
        tokens = TokensToGrid(*grid, dtype=policy, name="vit_window_grid" if by_window else "vit_grid")(tokens)
        if by_window:
            tokens = JoinWindows(*window, dtype=policy, name="vit_grid")(tokens, shown)
            like = PadToMultiple(side // spec.stride, dtype=policy, name="vit_places")(x)
            tokens = ResizeLike(dtype=policy, name="vit_enlarged")(tokens, like)
            tokens = CropLike(dtype=policy, name="vit_resized")(tokens, x)
        else:
            tokens = ResizeLike(dtype=policy, name="vit_resized")(tokens, x)
        tokens = _project(tokens, projections, spec.block, policy)
        x = layers.Concatenate(dtype=policy, name="vit_joined")([x, tokens])
        x = decoder(x, maps, spec)
        super().__init__(noisy, head(x, noisy, spec), policy, **kwargs)
        self.vit, self.channels, self.widths, self.block = vit, spec.channels, spec.widths, spec.block
        self.blocks, self.view, self.stride = spec.blocks, view, side if by_window else spec.stride
        self.token_widths, self.frozen = projections, bool(frozen)

    @classmethod
    def original(cls, vit: keras.Model, channels: int = 3, **kwargs) -> "ViTUNet":
        """The U-Net of `UNet.original`, with a frozen transformer whose tokens are projected to 512 channels, twice.

        Their ReLU suits a pretrained transformer. One that is trained along needs the default's projections.
        """
        return cls(vit, channels, (64, 128, 256, 512), "plain", token_widths=(512, 512), frozen=True, **kwargs)

    @property
    def frozen_by_itself(self) -> tuple[str, ...]:
        """The path of the transformer, if it is frozen."""
        return (self.vit.name,) if self.frozen else ()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration; the transformer is built from its own, nothing is downloaded."""
        require("keras_hub")  # registers the class of the transformer
        return cls(**{**config, "vit": keras.saving.deserialize_keras_object(config["vit"], custom_objects)})


def _grid(vit, channels: int) -> tuple[int, int]:
    """Rows and columns of the transformer's patches, after a look at whether it fits."""
    try:
        height, width, vit_channels = vit.image_shape
        patch = (vit.patch_size,) * 2 if isinstance(vit.patch_size, int) else tuple(vit.patch_size)
        _, tokens, _ = vit.output_shape
        rows, columns = height // patch[0], width // patch[1]
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            "ViTUNet takes a vision transformer of keras_hub with an image_shape (height, width, channels), a "
            f"patch_size and tokens (batch, tokens, features) as its output; received {vit!r}."
        ) from None
    if (rows * patch[0], columns * patch[1]) != (height, width) or tokens < rows * columns:
        raise ValueError(
            f"The patches of the vision transformer must tile its image: received patches of {patch[0]} x {patch[1]}, "
            f"an image of {height} x {width} and {tokens} tokens. Choose sizes that the patch size divides."
        )
    if channels not in (1, vit_channels):
        raise ValueError(
            f"The image of a ViTUNet has 1 channel, or as many as its vision transformer takes, {vit_channels}; "
            f"received channels={channels}."
        )
    return rows, columns


def _view(padded, vit, by_window: bool):
    """The transformer's view of the image: its size, its range, its channels."""
    height, width, channels = vit.image_shape
    take = SplitWindows if by_window else Resize
    view = take(height, width, dtype="float32", name="vit_view")(padded)
    view = layers.Rescaling(2.0, -1.0, dtype="float32", name="vit_scaled")(view)
    return (
        layers.Concatenate(dtype="float32", name="vit_colour")([view] * channels) if view.shape[-1] < channels else view
    )


def _project(tokens, widths: tuple[int, ...], block: str, dtype):
    """The tokens, projected to each of the widths in turn."""
    *inner, last = widths
    for index, width in enumerate(inner, 1):
        name = f"vit_projection{index}"
        if block == "plain":
            tokens = layers.Dense(width, "relu", dtype=dtype, name=name)(tokens)
            continue
        tokens = layers.Dense(width, dtype=dtype, name=name)(tokens)
        tokens = layers.LayerNormalization(dtype=dtype, name=f"vit_normalised{index}")(tokens)
        tokens = layers.Activation("gelu", dtype=dtype, name=f"vit_activation{index}")(tokens)
    start = "glorot_uniform" if block == "plain" else "zeros"
    return layers.Dense(last, kernel_initializer=start, dtype=dtype, name=f"vit_projection{len(widths)}")(tokens)


def small_vit(
    image_size: int = 128,
    patch_size: int = 16,
    layers: int = 4,
    heads: int = 4,
    width: int = 128,
    channels: int = 3,
    dtype=None,
) -> keras.Model:
    """A vision transformer of a few layers with random weights, to be trained along. Nothing is downloaded.

    Args:
        image_size: Height and width of its view of the image.
        patch_size: Height and width of a patch.
        layers: Number of transformer layers.
        heads: Number of attention heads.
        width: Features of a token; the inner layers of the perceptrons have twice as many.
        channels: Channels of its view of the image.
        dtype: Data type or policy of its layers; defaults to the global policy.

    Returns:
        A `keras_hub.models.ViTBackbone` without a class token.

    Raises:
        ValueError: If `patch_size` does not divide `image_size`, or `heads` not `width`, or one is not positive.

    Example:
        >>> small_vit().output_shape
        (None, 64, 128)
    """
    keras_hub = require("keras_hub")
    sizes = {
        "image_size": image_size,
        "patch_size": patch_size,
        "layers": layers,
        "heads": heads,
        "width": width,
        "channels": channels,
    }
    checked = whole_numbers(sizes.values())
    if checked is None or image_size % patch_size or width % heads:
        raise ValueError(
            "A small ViT has positive integer sizes, a patch size that divides the image size, and heads that divide "
            f"the width; received {', '.join(f'{name}={value}' for name, value in sizes.items())}."
        )
    side, patch, depth, head_count, features, colours = checked
    return keras_hub.models.ViTBackbone(
        image_shape=(side, side, colours),
        patch_size=(patch, patch),
        num_layers=depth,
        num_heads=head_count,
        hidden_dim=features,
        mlp_dim=2 * features,
        use_class_token=False,
        dtype=dtype,
        name="small_vit",
    )


def load_vit(preset: str, **kwargs) -> keras.Model:
    """A pretrained vision transformer by the name of its keras_hub preset, downloaded unless it was before.

    Args:
        preset: Such as `"vit_base_patch16_224_imagenet"`, or a folder that `save_to_preset` wrote.
        **kwargs: Passed to `ViTBackbone.from_preset`, such as `dtype`.

    Returns:
        A `keras_hub.models.ViTBackbone` with its weights.

    Raises:
        InputError: If there is no such preset, or it cannot be downloaded.
    """
    keras_hub = require("keras_hub")
    try:
        return keras_hub.models.ViTBackbone.from_preset(preset, **kwargs)
    except Exception as error:  # each way to download has its own errors
        if "Unknown preset identifier" in str(error):
            raise InputError(
                f"There is no vision transformer {preset!r}; expected a preset of keras_hub, such as "
                "vit_base_patch16_224_imagenet, or the folder of one. Those that are trained along are --vit small and "
                "--vit windows."
            ) from None
        raise InputError(
            f"The vision transformer {preset!r} cannot be loaded: {reason(error)}. Presets are downloaded once by "
            "keras_hub, which needs a network; without one take the transformer that is trained along: --vit small."
        ) from None
