"""The U-Net: encoder, bottleneck and decoder as functions on symbolic tensors, and the model made of them."""

import dataclasses
from typing import Any

import keras
from keras import layers, ops

from tf_denoise.checks import one_of, whole_number, whole_numbers
from tf_denoise.layers import CropLike, PadToMultiple
from tf_denoise.models.base import Network, dtype_policy
from tf_denoise.models.blocks import KINDS, Plain, Residual


@dataclasses.dataclass(frozen=True)
class UNetSpec:
    """The arguments of a U-Net, checked by `checked`, and what follows from them. See `UNet` for their meaning."""

    channels: int
    widths: tuple[int, ...]
    block: str
    blocks: int
    skips: str
    stem: int
    dtype: keras.DTypePolicy

    @classmethod
    def checked(cls, channels: Any, widths: Any, block: Any, blocks: Any, skips: Any, stem: Any, dtype) -> "UNetSpec":
        """The specification of a U-Net, integers of NumPy as those of Python.

        Raises:
            ValueError: If a number is not a positive integer, or a choice is not among the allowed ones.
        """
        channel_count, block_count, stages = whole_number(channels), whole_number(blocks), whole_numbers(widths)
        if channel_count is None or block_count is None or stages is None or len(stages) < 2:
            raise ValueError(
                "A U-Net takes positive integer channels and blocks, and two or more positive integer widths (encoder "
                f"stages, then bottleneck); received channels={channels}, blocks={blocks}, widths={widths}."
            )
        return cls(
            channel_count,
            stages,
            one_of(block, tuple(KINDS), "block of a U-Net"),
            block_count,
            one_of(skips, ("add", "concat"), "skips of a U-Net"),
            one_of(stem, (1, 2), "stem of a U-Net"),
            dtype,
        )

    @property
    def stride(self) -> int:
        """How many pixels of the image lie beside each other in one place of the bottleneck."""
        return self.stem * 2 ** (len(self.widths) - 1)

    @property
    def parts(self) -> Residual | Plain:
        """The kind of blocks, made with the data type."""
        return KINDS[self.block](self.dtype)


def stem(noisy, spec: UNetSpec):
    """The padded image, and the map that the first stage takes."""
    padded = PadToMultiple(spec.stride, dtype="float32", name="padded")(noisy)
    x = padded if spec.stem == 1 else ops.space_to_depth(padded, spec.stem)
    return padded, spec.parts.first(x, spec.widths[0])


def encoder(x, spec: UNetSpec):
    """What the bottleneck takes, and the map of each stage on the way, the finest first."""
    maps = []
    for level, width in enumerate(spec.widths[:-1], 1):
        x = spec.parts.stage(x, width, spec.blocks, f"encoder{level}")
        maps.append(x)
        x = spec.parts.down(x, spec.widths[level], f"down{level}")
    return x, maps


def decoder(x, maps, spec: UNetSpec):
    """The bottleneck, then up again past the maps of the encoder."""
    x = spec.parts.stage(x, spec.widths[-1], spec.blocks, "bottleneck")
    for level in range(len(maps), 0, -1):
        width = spec.widths[level - 1]
        x = spec.parts.up(x, width, f"up{level}")
        join = layers.Add if spec.skips == "add" else layers.Concatenate
        x = join(dtype=spec.dtype, name=f"skip{level}")([x, maps[level - 1]])
        x = spec.parts.stage(x, width, spec.blocks, f"decoder{level}")
    return x


def last(x, noisy, spec: UNetSpec):
    """What the last layer gives, in float32 and in the size of the noisy image."""
    x = spec.parts.last(x, spec.channels * spec.stem**2)
    x = x if spec.stem == 1 else ops.depth_to_space(x, spec.stem)
    # From here on in float32: under mixed precision the image keeps its full resolution.
    return CropLike(dtype="float32", name="cropped")(x, noisy)


def head(x, noisy, spec: UNetSpec):
    """The image, in float32 and in the size of the noisy one."""
    x = last(x, noisy, spec)
    if spec.parts.predicts_correction:
        return layers.Add(dtype="float32", name="denoised")([noisy, x])
    return layers.Activation("linear", dtype="float32", name="denoised")(x)


def _denoised(noisy, spec: UNetSpec):
    _, x = stem(noisy, spec)
    x, maps = encoder(x, spec)
    return head(decoder(x, maps, spec), noisy, spec)


@keras.saving.register_keras_serializable("tf_denoise")
class UNet(Network):
    """A U-Net for images of any height and width.

    The image is padded at the bottom and at the right with the values of its edge until the strides fit, and the
    result is cropped back. The default has residual blocks without bias and works at half the resolution: 2.3 million
    parameters. It computes a correction that is added to the noisy image, and scales with it, f(a x) = a f(x) for
    a > 0. `UNet.original` gives the classical net.

    The stages can be asked for by name: `encoder1`, `encoder2`, ..., `bottleneck`, ..., `decoder2`, `decoder1`.
    `encoder1` and `decoder1` are the finest; `model.get_layer(name).output` is the map of a stage.

    Args:
        channels: Channels of the image, 1 for grey and 3 for colour.
        widths: Channels of each encoder stage, then of the bottleneck. The height and width halve from one to the next.
        block: `"residual"`: two 3x3 convolutions, without bias, added to their input; strided and transposed
            convolutions between the stages. `"plain"`: two 3x3 convolutions with bias, each with a ReLU; max-pooling
            and transposed convolutions between.
        blocks: Number of blocks of a stage.
        skips: How a map of the encoder joins the decoder, `"add"` or `"concat"`.
        stem: 1 works at the full resolution; 2 makes a pixel of every 2x2 pixels, with four times the channels, and
            so works at half of it.
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; defaults to the global policy.

    Attributes:
        stride: How many pixels of the image lie beside each other in one place of the bottleneck.

    Input shape:
        `(batch, height, width, channels)`, values in [0, 1], noise may lead outside.

    Output shape:
        The same, float32, not clipped.

    Raises:
        ValueError: If a number is not a positive integer, or a choice is not among those above.

    Reference:
        - [Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015](
          https://arxiv.org/abs/1505.04597)
        - [Mohan et al., Robust and Interpretable Blind Image Denoising via Bias-Free Convolutional Neural Networks,
          2020](https://arxiv.org/abs/1906.05478)
        - [Zhang et al., Plug-and-Play Image Restoration with Deep Denoiser Prior, 2021](
          https://arxiv.org/abs/2008.13751)

    Example:
        >>> import numpy as np
        >>> model = UNet(channels=1, widths=(8, 16))
        >>> model(np.zeros((2, 13, 7, 1), "float32")).shape
        TensorShape([2, 13, 7, 1])
        >>> UNet().count_params()
        2258432
        >>> list(UNet.presets)
        ['photographs']
    """

    ARGUMENTS = ("channels", "widths", "block", "blocks", "skips", "stem")

    def __init__(
        self,
        channels: int = 3,
        widths=(64, 128, 256),
        block: str = "residual",
        blocks: int = 1,
        skips: str = "add",
        stem: int = 2,
        dtype=None,
        **kwargs,
    ):
        spec = UNetSpec.checked(channels, widths, block, blocks, skips, stem, dtype_policy(dtype))
        noisy = keras.Input((None, None, spec.channels), dtype="float32", name="noisy")
        super().__init__(noisy, _denoised(noisy, spec), spec.dtype, **kwargs)
        self.channels, self.widths, self.block, self.blocks = spec.channels, spec.widths, spec.block, spec.blocks
        self.skips, self.stem, self.stride = spec.skips, spec.stem, spec.stride

    @classmethod
    def original(cls, channels: int = 3, **kwargs) -> "UNet":
        """The classical net: plain blocks with 64, 128 and 256 channels, 512 in the bottleneck, concatenated skips.

        It costs 0.56 million multiply-adds a pixel.

        Example:
            >>> UNet.original().count_params()
            7697475
        """
        return cls(channels, (64, 128, 256, 512), "plain", blocks=1, skips="concat", stem=1, **kwargs)
