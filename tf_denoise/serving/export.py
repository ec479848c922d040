"""Export of a trained network: a SavedModel that serves without this package, an ONNX file, a LiteRT file."""

import importlib.util
import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_denoise.errors import InputError
from tf_denoise.extras import check_installed
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.runs.writing import unfinished_folder, writable_file, writable_folder
from tf_denoise.serving.model_card import model_card
from tf_denoise.serving.signatures import signatures

MAX_PIXELS = 25_000_000
"""Larger pictures are not decoded by a server by default: one takes gigabytes while the network runs."""
CARD_FILE = "model_card.md"
_WARM_UP = "tf_serving_warmup_requests"
_WARM_UP_SIDE = 64


def export_for_serving(
    model, path, about: LoadedNetwork | None = None, max_pixels: int = MAX_PIXELS, intervals=None
) -> Path:
    """Write a network as a SavedModel in the layout of TensorFlow Serving: `PATH/1/`, or the next number that is free.

    Plain TensorFlow loads it, without this package and without Keras. Its signatures, for a network of pictures:

    - `serving_default`: `images`, float32 `(batch, height, width, channels)` in [0, 1], any size, to `denoised`, the
      same shape, not clipped: what the Keras model gives.
    - `denoise_bytes`: `image_bytes`, strings `(batch,)`, each a PNG or JPEG file, to `png_bytes`, strings `(batch,)`,
      and `decoded`, bool `(batch,)`: false, with an empty string beside it, where the bytes were no such picture,
      damaged, or larger than `max_pixels`. A PNG picture of 16 bits stays one; a JPEG picture is turned upright.
    - `denoise_with_interval`, where there are `intervals`: `images` as above to `denoised`, `lower` and `upper`, all of
      one shape: between the latter two lie on average 90 % of a picture's clean values.

    For a network of flattened images: `serving_default`, `images` `(batch, size)`, and `denoise_images`, `images`
    `(batch, side, side)`, both in the range that the network was trained on.

    `assets.extra` holds requests with which TensorFlow Serving warms up, if `tensorflow-serving-api` is installed, and
    `model_card.md` says what the network is.

    Args:
        model: A Keras model: `UNet`, `ViTUNet`, `TwoStageUNet`, `DenseAutoencoder`, or another of such an input.
        path: The folder of all versions; made if it does not exist. Nothing in it is overwritten.
        about: What is known of the training, for the model card, as `load_for_use` gives it.
        max_pixels: The most pixels of a picture that `denoise_bytes` decodes.
        intervals: The `tf_denoise.uncertainty.Intervals` of the network, if it has any.

    Returns:
        The folder of the version.

    Raises:
        InputError: If the network takes other inputs, or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from tf_denoise.models import UNet
        >>> export_for_serving(UNet(1, widths=(4, 8)), tempfile.mkdtemp()).name
        '1'
    """
    functions = signatures(model, max_pixels, intervals)
    module = tf.Module()
    networks = [model] if intervals is None else [model, intervals.head]
    module.weights = [variable.value for one in networks for variable in one.variables]  # no object of Keras
    folder = writable_folder(Path(path))
    with unfinished_folder(folder) as unfinished:
        tf.saved_model.save(module, str(unfinished), signatures=functions)
        card = model_card(model, about or LoadedNetwork(model, model.name), functions, max_pixels, intervals)
        (unfinished / CARD_FILE).write_text(card, encoding="utf-8")
        if has_warm_up():
            _write_warm_up(unfinished / "assets.extra", functions)
        return _named(unfinished, folder)


def has_warm_up() -> bool:
    """Whether the package that writes warm-up requests is installed."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def export_onnx(model, path) -> Path:
    """Write a network as an ONNX file, by Keras' exporter. Batch, height and width stay open.

    Args:
        model: A Keras model in float32.
        path: The file, `NAME.onnx`; not overwritten.

    Raises:
        InputError: If the file stands there already, cannot be written, or `tf2onnx` is not installed.
    """
    check_installed("tf2onnx")
    return _written(model, Path(path), "onnx", (None, *model.input_shape[1:]))


def export_litert(model, path, height: int | None = None, width: int | None = None) -> Path:
    """Write a network as a LiteRT file, by Keras' exporter, for one picture of a fixed size.

    Args:
        model: A Keras model.
        path: The file, `NAME.tflite`; not overwritten.
        height: Height of the pictures; LiteRT pads to no size that it does not know.
        width: Their width.

    Raises:
        InputError: If a network of pictures gets no size, or the file stands there already or cannot be written.
    """
    shape = model.input_shape[1:]
    if len(shape) == 3:
        if height is None or width is None or min(height, width) < 1:
            raise InputError("A LiteRT file takes pictures of one size: give it with --size HEIGHT WIDTH.")
        shape = (height, width, shape[2])
    return _written(model, Path(path), "litert", (1, *shape))


def _written(model, path: Path, kind: str, shape) -> Path:
    suffix = {"onnx": ".onnx", "litert": ".tflite"}[kind]
    if path.suffix != suffix:
        raise InputError(f"The name of a file for --format {kind} ends in {suffix}; received {path}.")
    if os.path.exists(path):
        raise InputError(f"{path} stands there already, and nothing is overwritten; choose another name.")
    with unfinished_folder(writable_file(path).parent) as unfinished:
        file = unfinished / path.name
        signature = [tf.TensorSpec(shape, tf.float32, "images")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the exporters' own code
            model.export(file, format=kind, input_signature=signature, verbose=False)
        os.replace(file, path)
    return path


def _named(unfinished: Path, folder: Path) -> Path:
    """Give a finished version the next free number: a server that watches the folder sees it whole."""
    taken = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    version = folder / str(max(taken, default=0) + 1)
    os.rename(unfinished, version)
    return version


def _write_warm_up(folder: Path, functions: dict) -> None:
    """One request for each signature, in the form that TensorFlow Serving replays before it serves."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / _WARM_UP)) as writer:
        for name, function in functions.items():
            (spec,) = function.input_signature
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = name
            request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(_example(spec)))
            log = prediction_log_pb2.PredictLog(request=request)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _example(spec: tf.TensorSpec):
    """An input of a signature: grey noise."""
    rng = np.random.default_rng(0)
    if spec.dtype == tf.string:
        pixels = rng.integers(0, 256, (_WARM_UP_SIDE, _WARM_UP_SIDE, 3), "uint8")
        return [tf.io.encode_png(pixels).numpy(), tf.io.encode_jpeg(pixels).numpy()]
    shape = [1, *(_WARM_UP_SIDE if side is None else side for side in spec.shape[1:])]
    return rng.uniform(size=shape).astype("float32")
