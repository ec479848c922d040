"""The U-Net: encoder, bottleneck and decoder as functions on symbolic tensors, and the model made of them."""

import dataclasses

import keras
from keras import layers, ops

from tf_denoise.layers import CropLike, PadToMultiple
from tf_denoise.models.blocks import KINDS


@dataclasses.dataclass(frozen=True)
class Plan:
    """The checked arguments of a U-Net, and what follows from them. See `UNet` for their meaning."""

    channels: int
    widths: tuple[int, ...]
    block: str
    blocks: int
    skips: str
    stem: int
    dtype: keras.DTypePolicy

    def __post_init__(self):
        """Check the arguments."""
        numbers = (self.channels, self.blocks, *self.widths)
        if len(self.widths) < 2 or not all(isinstance(number, int) and number > 0 for number in numbers):
            raise ValueError(
                "A U-Net takes positive integer channels and blocks, and two or more positive integer widths (encoder "
                f"stages, then bottleneck); received channels={self.channels}, blocks={self.blocks}, "
                f"widths={self.widths}."
            )
        for name, allowed in (("block", tuple(KINDS)), ("skips", ("add", "concat")), ("stem", (1, 2))):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"The {name} of a U-Net is one of {', '.join(map(repr, allowed))}; "
                    f"received {getattr(self, name)!r}."
                )

    @property
    def stride(self) -> int:
        """How many pixels of the image lie beside each other in one place of the bottleneck."""
        return self.stem * 2 ** (len(self.widths) - 1)

    @property
    def parts(self):
        """The kind of blocks, made with the data type."""
        return KINDS[self.block](self.dtype)


def enter(noisy, plan: Plan):
    """The padded image, and the map that the first stage takes."""
    padded = PadToMultiple(plan.stride, dtype="float32", name="padded")(noisy)
    x = padded if plan.stem == 1 else ops.space_to_depth(padded, plan.stem)
    return padded, plan.parts.first(x, plan.widths[0])


def encode(x, plan: Plan):
    """What the bottleneck takes, and the map of each stage on the way, the finest first."""
    maps = []
    for level, width in enumerate(plan.widths[:-1], 1):
        x = plan.parts.stage(x, width, plan.blocks, f"encoder{level}")
        maps.append(x)
        x = plan.parts.down(x, plan.widths[level], f"down{level}")
    return x, maps


def decode(x, maps, plan: Plan):
    """The bottleneck, then up again past the maps of the encoder."""
    x = plan.parts.stage(x, plan.widths[-1], plan.blocks, "bottleneck")
    for level in range(len(maps), 0, -1):
        width = plan.widths[level - 1]
        x = plan.parts.up(x, width, f"up{level}")
        join = layers.Add if plan.skips == "add" else layers.Concatenate
        x = join(dtype=plan.dtype, name=f"skip{level}")([x, maps[level - 1]])
        x = plan.parts.stage(x, width, plan.blocks, f"decoder{level}")
    return x


def leave(x, noisy, plan: Plan):
    """The image, in float32 and in the size of the noisy one."""
    x = plan.parts.last(x, plan.channels * plan.stem**2)
    x = x if plan.stem == 1 else ops.depth_to_space(x, plan.stem)
    # From here on in float32: under mixed precision the image keeps its full resolution.
    x = CropLike(dtype="float32", name="cropped")(x, noisy)
    if plan.parts.predicts_correction:
        return layers.Add(dtype="float32", name="denoised")([noisy, x])
    return layers.Activation("linear", dtype="float32", name="denoised")(x)


@keras.saving.register_keras_serializable("tf_denoise")
class UNet(keras.Model):
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
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; the global policy unless told.

    Input shape:
        `(batch, height, width, channels)`, values in [0, 1], noise may lead outside.

    Output shape:
        The same, float32, not clipped.

    Raises:
        ValueError: If a number is not a positive integer, or a choice is none of those above.

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
    """

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
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        plan = Plan(channels, tuple(widths), block, blocks, skips, stem, policy)
        noisy = keras.Input((None, None, channels), dtype="float32", name="noisy")
        _, x = enter(noisy, plan)
        x, maps = encode(x, plan)
        x = decode(x, maps, plan)
        super().__init__(noisy, leave(x, noisy, plan), **kwargs)
        self.dtype_policy = policy  # a Functional model ignores the argument
        self.channels, self.widths, self.block, self.blocks = channels, plan.widths, block, blocks
        self.skips, self.stem = skips, stem

    @classmethod
    def original(cls, channels: int = 3, **kwargs) -> "UNet":
        """The classical net: plain blocks with 64, 128 and 256 channels, 512 in the bottleneck, concatenated skips.

        It costs 0.56 million multiply-adds a pixel.

        Example:
            >>> UNet.original().count_params()
            7697475
        """
        return cls(channels, (64, 128, 256, 512), "plain", blocks=1, skips="concat", stem=1, **kwargs)

    @property
    def stride(self) -> int:
        """How many pixels of the image lie beside each other in one place of the bottleneck."""
        return self.stem * 2 ** (len(self.widths) - 1)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "channels": self.channels,
            "widths": list(self.widths),
            "block": self.block,
            "blocks": self.blocks,
            "skips": self.skips,
            "stem": self.stem,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration."""
        return cls(**config)
