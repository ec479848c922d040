"""What options of `python -m training.textures` stand for: network and loss."""

from collections.abc import Sequence
from typing import Any

from tf_denoise.errors import InputError
from tf_denoise.losses import WeightedSumLoss
from tf_denoise.losses.named import LOSSES, LossName
from tf_denoise.models import TwoStageUNet, UNet, ViTUNet, load_vit, small_vit
from training.textures.options import small_vit_of
from training.textures.start import KINDS, Denoiser, begun_from


def make_network(
    name: str,
    vit: str,
    channels: int,
    widths: Sequence[int] | None = None,
    blocks: int | None = None,
    start: Denoiser | None = None,
) -> Denoiser:
    """A network to train, for pictures of that many channels.

    Args:
        name: `unet`, `vit_unet` or `two_stage`.
        vit: The transformer of a `vit_unet`: `small` or `windows`, also with a number of pixels, or a keras-hub preset.
        channels: 1 or 3.
        widths: Channels of each stage, then of the bottleneck; defaults to the network's own.
        blocks: Blocks of each stage; defaults to the network's own.
        start: The trained network to begin from, whose arguments are taken; or the U-Net that another kind is built
            around.

    Raises:
        InputError: If the preset cannot be loaded, or the transformer is of a size that it cannot have.
    """
    if start is not None and isinstance(start, KINDS[name]):
        own = {"name", "dtype", "trainable", "frozen_layers"}
        config = {key: value for key, value in start.get_config().items() if key not in own}
        return begun_from(start, type(start).from_config(config))
    sizes: dict[str, Any] = {
        name: value for name, value in (("widths", widths), ("blocks", blocks)) if value is not None
    }
    if start is not None:
        sizes = {"widths": start.widths, "blocks": start.blocks}
    if name == "unet":
        return UNet(channels, **sizes)
    network = TwoStageUNet(channels, **sizes) if name == "two_stage" else _vit_unet(vit, channels, sizes, start)
    return network if start is None else begun_from(start, network)


def _vit_unet(vit: str, channels: int, sizes: dict[str, Any], start: Denoiser | None) -> ViTUNet:
    if isinstance(start, UNet):
        sizes = {**sizes, "block": start.block}
    small = small_vit_of(vit)
    if small is None:
        return ViTUNet(load_vit(vit), channels, frozen=True, **sizes)
    kind, side = small
    patch = 8 if kind == "windows" else 16
    if side % patch:
        raise InputError(f"--vit {kind} takes a multiple of {patch} pixels, its patches; received {vit}.")
    try:
        return ViTUNet(small_vit(side, patch), channels, view="windows" if kind == "windows" else "whole", **sizes)
    except ValueError as error:
        raise InputError(f"--vit {vit} does not fit: {error}") from None


def make_loss(name: LossName, weight: float, crop_size: int) -> WeightedSumLoss:
    """A pixel loss, or the mean squared error with a sharpness loss of that weight beside it.

    Args:
        name: A key of `LOSSES`.
        weight: Weight of the sharpness loss; the rest is that of the mean squared error.
        crop_size: Side of the crops in pixels; the windows of a loss are at most half as large.
    """
    make = LOSSES[name].make
    if make is None:
        return WeightedSumLoss([(1.0, name)])
    return WeightedSumLoss([(1.0 - weight, "mse"), (weight, make(min(32, crop_size // 2)))])
