"""What the options of `python -m training.textures` stand for: network and loss."""

import keras

from tf_denoise import losses
from tf_denoise.models import UNet, ViTUNet, load_vit, small_vit
from training.textures.options import TextureOptions


def make_network(config: TextureOptions, channels: int) -> keras.Model:
    """A new network for pictures of that many channels."""
    if config.network == "unet":
        return UNet(channels)
    if config.vit == "small":
        return ViTUNet(small_vit(), channels)
    return ViTUNet(load_vit(config.vit), channels, frozen=True)


def make_loss(name: str, weight: float, crop_size: int) -> keras.losses.Loss:
    """A pixel loss, or the mean squared error with a sharpness loss of that weight beside it.

    Args:
        name: A value of `--loss`.
        weight: Weight of the sharpness loss; the rest is that of the mean squared error.
        crop_size: Side of the crops; the windows of a loss are at most half as large.
    """
    if name in ("mse", "mae"):
        return losses.WeightedSumLoss([(1.0, name)])
    window = min(32, crop_size // 2)
    sharpness = {
        "regional": lambda: losses.RegionalSharpnessLoss(window),
        "frequency": lambda: losses.FrequencySharpnessLoss(high_freq_weight=0.0),
        "weighted_frequency": lambda: losses.FrequencySharpnessLoss(),
        "windowed": lambda: losses.WindowedFrequencyLoss(window),
        "wavelet": lambda: losses.WaveletSharpnessLoss("db2", levels=2),
    }[name]()
    return losses.WeightedSumLoss([(1.0 - weight, "mse"), (weight, sharpness)])
