"""Every layer, loss, metric, noise and model of the package, made with numbers of NumPy, and what each must pass."""

import json

import keras
import numpy as np

from tf_denoise import layers, losses, metrics, models, noise, uncertainty

LAYERS = {
    "ClipForUse": lambda **k: layers.ClipForUse(np.float32(0.25), np.int64(2), **k),
    "CropLike": lambda **k: layers.CropLike(**k),
    "JoinWindows": lambda **k: layers.JoinWindows(np.int64(5), np.int32(7), **k),
    "PadToMultiple": lambda **k: layers.PadToMultiple(np.int64(4), **k),
    "Resize": lambda **k: layers.Resize(np.int32(6), np.array(5), **k),
    "ResizeLike": lambda **k: layers.ResizeLike(**k),
    "SplitWindows": lambda **k: layers.SplitWindows(np.int64(5), np.int32(7), **k),
    "TokensToGrid": lambda **k: layers.TokensToGrid(np.int64(2), np.uint8(3), **k),
}
LOSSES = {
    "FrequencySharpnessLoss": lambda **k: losses.FrequencySharpnessLoss(np.float32(1), np.float64(1e-3), **k),
    "RegionalSharpnessLoss": lambda **k: losses.RegionalSharpnessLoss(np.int64(8), np.int32(3), np.float32(0.5), **k),
    "WaveletSharpnessLoss": lambda **k: losses.WaveletSharpnessLoss("db2", np.int64(2), np.float32(0.5), **k),
    "WeightedSumLoss": lambda **k: losses.WeightedSumLoss(
        [(np.float32(0.75), "mse"), (np.array(0.25), losses.FrequencySharpnessLoss())], **k
    ),
    "WindowedFrequencyLoss": lambda **k: losses.WindowedFrequencyLoss(
        np.int64(8), np.array(3), np.float32(2), np.float64(1e-3), **k
    ),
}
METRICS = {
    "MemberMetric": lambda **k: losses.MemberMetric("mse", **k),
    "PSNR": lambda **k: metrics.PSNR(np.float32(2), np.array([17, 22, 3]), **k),
    "SSIM": lambda **k: metrics.SSIM(np.int64(2), image_shape=(np.int64(17), 22, 3), filter_size=np.int32(7), **k),
}
NOISES = {
    "AdditiveGaussian": lambda **k: noise.AdditiveGaussian(np.array([0.1, 0.2]), seed=np.int64(3), **k),
    "AdditiveGaussian of a schedule": lambda **k: noise.AdditiveGaussian(noise.MixedLevel([0.1, 0.3]), seed=3, **k),
    "CameraNoise": lambda **k: noise.CameraNoise(
        np.array([0, 0.2]), np.array([0.01, 0.02]), [0.3, 0.5], np.float32(0.5), np.float32(0.1), np.int64(3), **k
    ),
    "PoissonGaussian": lambda **k: noise.PoissonGaussian(np.float32(0.25), np.array(0.5), seed=np.int64(3), **k),
    "SaltAndPepper": lambda **k: noise.SaltAndPepper(np.float32(0.5), np.float32(0), np.int64(1), np.int64(3), **k),
    "SaltAndPepper of a schedule": lambda **k: noise.SaltAndPepper(noise.MultiLevel(np.array([0.5, 1])), seed=3, **k),
}
SCHEDULES = {
    "ConstantLevel": lambda: noise.ConstantLevel(np.float32(0.5)),
    "MixedLevel": lambda: noise.MixedLevel(np.array([0.0, 0.5])),
    "MultiLevel": lambda: noise.MultiLevel(np.array([0.0, 0.5])),
}


def vit_unet(**options):
    """A U-Net with a small transformer."""
    vit = models.small_vit(np.int64(16), np.int32(8), np.int64(1), np.int64(2), np.int64(6), dtype="float32")
    return models.ViTUNet(vit, np.int64(3), np.array([4, 6]), token_widths=np.array([5]), **options)


MODELS = {
    "DenseAutoencoder": lambda **k: models.DenseAutoencoder(np.int64(20), np.array([8, 4]), **k),
    "DigitClassifier": lambda **k: models.DigitClassifier(
        np.int64(20), np.array([8, 4]), np.int32(3), np.float32(0.5), **k
    ),
    "IntervalHead": lambda **k: uncertainty.IntervalHead(
        np.int64(3), np.int32(6), np.int64(1), "0123456789abcdef", np.float32(1.5), {"steps": 3}, **k
    ),
    "RefiningAutoencoder": lambda **k: models.RefiningAutoencoder(np.int64(20), np.array([8, 4]), **k),
    "RefiningAutoencoder that subtracts": lambda **k: models.RefiningAutoencoder(20, (8,), "sos", **k),
    "TwoStageAutoencoder": lambda **k: models.TwoStageAutoencoder(np.int64(20), np.array([8, 4]), **k),
    "TwoStageAutoencoder of one stage": lambda **k: models.TwoStageAutoencoder(20, (8,), "twice-both", **k),
    "TwoStageUNet": lambda **k: models.TwoStageUNet(np.int64(3), np.array([4, 6]), np.int32(1), **k),
    "UNet": lambda **k: models.UNet(np.int64(3), np.array([4, 6]), blocks=np.int32(1), stem=np.int64(2), **k),
    "ViTUNet": vit_unet,
    "ViTUNet that looks at windows": lambda **k: vit_unet(view="windows", **k),
    "ViTUNet with a frozen transformer": lambda **k: vit_unet(frozen=np.bool_(True), **k),
}


def check_config(part, deserialize=keras.saving.deserialize_keras_object):
    """The configuration is one of JSON, and gives the same part back, which is handed over."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(part)))
    assert config["registered_name"] == f"tf_denoise>{type(part).__name__}"
    copy = deserialize(config)
    assert type(copy) is type(part)
    assert json.dumps(copy.get_config()) == json.dumps(part.get_config())
    return copy


def inputs_of(layer, batch):
    """Arrays that a layer takes."""
    rng = np.random.default_rng(0)
    images = rng.random((batch, 5, 7, 3), "float32")
    if isinstance(layer, layers.TokensToGrid):
        return [images[:, 0]]
    if isinstance(layer, layers.CropLike):
        return [images, images[:, :4, :6]]
    if isinstance(layer, layers.JoinWindows):
        return [images[:, :2, :3], images]
    return [images, rng.random((batch, 9, 4, 3), "float32")] if isinstance(layer, layers.ResizeLike) else [images]


def images_for(model, batch: int):
    """Images that a network takes."""
    shape = [side or size for side, size in zip(model.input_shape[1:], (9, 7, 3), strict=False)]
    return np.random.default_rng(0).random((batch, *shape), "float32")


def frozen_layers(model) -> list[bool]:
    """Whether each layer is frozen, those within layers too."""
    return [not layer.trainable for layer in model._flatten_layers(include_self=False)]


def check_frozen(model, tmp_path) -> None:
    """What is frozen is frozen still in the copy of a configuration and of a file."""
    model.save(tmp_path / "frozen.keras")
    config = json.loads(json.dumps(model.get_config()))
    for copy in (type(model).from_config(config), keras.models.load_model(tmp_path / "frozen.keras")):
        assert copy.trainable == model.trainable
        assert frozen_layers(copy) == frozen_layers(model)
        assert [v.path for v in copy.trainable_variables] == [v.path for v in model.trainable_variables]
