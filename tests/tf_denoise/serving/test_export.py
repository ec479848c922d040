"""Exports: the SavedModel called by a process that has only TensorFlow, ONNX Runtime, LiteRT."""

import io
import struct

import cv2
import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from helpers import ROOT, files_of, python
from network_checks import gentle_net, noisy_images, with_random_weights
from picture_files import BAD, noise, photograph, png
from PIL import Image, ImageOps

from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder, ViTUNet, small_vit
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.pictures.files import from_unit, to_unit
from tf_denoise.serving.export import export_for_serving, export_litert, export_onnx
from tf_denoise.uncertainty import IntervalHead, Intervals

ALONE = ROOT / "tests" / "support" / "serve_without_us.py"


@pytest.fixture(scope="module")
def net():
    return gentle_net(0.02)  # its outputs stay near its inputs


@pytest.fixture(scope="module")
def served(net, tmp_path_factory):
    """The folder of an export and the cases for `serve_without_us.py`, after it has run."""
    folder = tmp_path_factory.mktemp("serving")
    export_for_serving(net, folder / "export")
    rng = np.random.default_rng(0)
    cases = {}
    for index in range(50):
        size = rng.integers(1, 80, 2)
        images = noisy_images(int(rng.integers(1, 4)), *size, 3, seed=index)
        cases |= {f"image{index}": images, f"expected{index}": net(images).numpy()}
    np.savez(folder / "cases.npz", **cases)
    files = folder / "files"
    files.mkdir()
    (folder / "answers").mkdir()
    photograph(files / "colour.png", 33, 47)
    photograph(files / "grey.png", 20, 31, channels=1)
    photograph(files / "photo.jpg", 40, 29)
    photograph(files / "photo_grey.jpeg", 18, 22, channels=1)
    cv2.imwrite(str(files / "deep.png"), noise(21, 19, 3, "uint16"))
    png(files / "alpha.png", noise(12, 13, 4), 6)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010F], exif[0x0112], exif[0x0131] = "a maker", orientation, "software"
        name = files / f"turned{orientation}.jpg"
        Image.open(photograph(name, 40, 24)).copy().save(name, exif=exif)
    (files / "bad-empty.png").touch()
    (files / "bad-text.png").write_bytes(b"no picture")
    (files / "bad-cut.png").write_bytes((files / "colour.png").read_bytes()[:-300])
    (files / "bad-cut.jpg").write_bytes((files / "photo.jpg").read_bytes()[:500])
    (files / "bad-ended.jpg").write_bytes((files / "photo.jpg").read_bytes()[:700] + b"\xff\xd9")
    damaged = bytearray((files / "colour.png").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (files / "bad-byte.png").write_bytes(damaged)
    Image.fromarray(noise()).save(files / "bad-format.png", format="BMP")
    for name in ("png bomb", "jpeg bomb"):
        path = BAD[name][0](files)
        path.rename(path.with_name("bad-" + path.name))
    result = python(ALONE, folder, PYTHONPATH="")
    assert result.returncode == 0, result.stderr[-3000:]
    return folder, result.stdout


@pytest.mark.process
def test_a_process_that_has_only_tensorflow_gets_what_keras_gives(served):
    _, output = served
    assert output.split("\n")[:4] == ["images 50", "files 23", "requests 2000", "alone"]


@pytest.mark.process
@pytest.mark.parametrize("name", ["colour.png", "grey.png", "photo.jpg", "photo_grey.jpeg", "deep.png", "alpha.png"])
def test_bytes_are_answered_with_the_denoised_picture(name, net, served):
    folder, _ = served
    pixels = cv2.imread(str(folder / "files" / name), cv2.IMREAD_UNCHANGED)
    pixels = np.repeat(pixels[..., None], 3, -1) if pixels.ndim == 2 else pixels[..., 2::-1]
    expected = from_unit(net(to_unit(pixels)[None])[0], pixels.dtype)
    answer = cv2.imread(str((folder / "answers" / name).with_suffix(".png")), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert answer.dtype == expected.dtype
    tolerance = 4 if name.startswith("photo") else 1  # two decoders of JPEG, or a tie in rounding
    assert np.abs(answer.astype(int) - expected).max() <= tolerance


@pytest.mark.process
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(orientation, net, served):
    folder, _ = served
    upright = ImageOps.exif_transpose(Image.open(folder / "files" / f"turned{orientation}.jpg"))
    expected = from_unit(net(to_unit(np.asarray(upright))[None])[0], "uint8")
    answer = np.asarray(Image.open(folder / "answers" / f"turned{orientation}.png"))
    assert answer.shape == expected.shape
    assert np.abs(answer.astype(int) - expected).max() <= 4


def test_orientations_of_both_byte_orders_and_broken_ones_are_read():
    from tf_denoise.serving.exif import jpeg_orientation

    def jpeg(content, before=b""):
        segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
        return b"\xff\xd8" + before + segment + b"\xff\xda" + bytes(40)

    def exif(order, entries, count=None):
        text = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
        head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
        return b"Exif\0\0" + head + struct.pack(order + "H", len(entries) if count is None else count) + text

    read = tf.function(jpeg_orientation, input_signature=[tf.TensorSpec((), tf.string)])
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    entries = [(0x010F, 3), (0x0112, 6)]
    for data, expected in (
        (jpeg(exif("<", entries)), 6),
        (jpeg(exif(">", entries), jfif), 6),
        (jpeg(exif("<", [(0x0112, 99)])), 1),
        (jpeg(exif("<", [(0x010F, 5)])), 1),
        (jpeg(exif("<", [])), 1),
        (jpeg(exif(">", entries, count=60_000)), 6),
        (jpeg(b"Exif\0\0II"), 1),
        (jpeg(b"http://ns.adobe.com/xap/1.0/"), 1),
        (b"\xff\xd8\xff", 1),
        (b"\xff\xd8\xff\xe1\xff", 1),
    ):
        assert int(read(data)) == expected, data


def test_the_layout_is_that_of_tensorflow_serving(tmp_path):
    model = DenseAutoencoder(9, (4,))
    first = export_for_serving(model, tmp_path / "model")
    before = files_of(first)
    assert {"saved_model.pb", "variables/variables.index", "model_card.md"} <= set(before)
    assert export_for_serving(model, tmp_path / "model") == tmp_path / "model" / "2"
    assert files_of(first) == before
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["1", "2"]
    assert not [name for name in before if "keras" in name]


@pytest.mark.process
def test_signatures_can_be_read(served):
    folder, _ = served
    loaded = tf.saved_model.load(str(folder / "export" / "1"))
    shapes = {name: function.structured_input_signature[1] for name, function in loaded.signatures.items()}
    assert shapes == {
        "serving_default": {"images": tf.TensorSpec((None, None, None, 3), tf.float32, "images")},
        "denoise_bytes": {"image_bytes": tf.TensorSpec((None,), tf.string, "image_bytes")},
    }
    outputs = {name: set(function.structured_outputs) for name, function in loaded.signatures.items()}
    assert outputs == {"serving_default": {"denoised"}, "denoise_bytes": {"png_bytes", "decoded"}}


@pytest.mark.process
def test_the_warm_up_requests_are_answered(served):
    from tensorflow_serving.apis import prediction_log_pb2

    folder, _ = served
    loaded = tf.saved_model.load(str(folder / "export" / "1"))
    path = folder / "export" / "1" / "assets.extra" / "tf_serving_warmup_requests"
    names = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        names.append(request.model_spec.signature_name)
        answer = loaded.signatures[names[-1]](**inputs)
    assert names == ["serving_default", "denoise_bytes"]
    assert answer["decoded"].numpy().tolist() == [True, True]


def test_intervals_are_a_third_signature_that_gives_what_keras_gives(net, tmp_path):
    from tensorflow_serving.apis import prediction_log_pb2

    head = with_random_weights(IntervalHead(3, 6, denoiser=fingerprint(net), scale=1.5))
    intervals = Intervals(head, net)
    version = export_for_serving(net, tmp_path, intervals=intervals)
    loaded = tf.saved_model.load(str(version))
    assert list(loaded.signatures) == ["serving_default", "denoise_bytes", "denoise_with_interval"]
    for size in ((37, 21), (4, 4)):
        images = noisy_images(2, *size, 3)
        found = loaded.signatures["denoise_with_interval"](images=tf.constant(images))
        denoised = net(images).numpy()
        np.testing.assert_allclose(found["denoised"], denoised, atol=1e-5)
        for image in range(2):
            lower, upper = intervals.bounds(images[image], denoised[image])
            np.testing.assert_allclose(found["lower"][image], lower, atol=1e-4)
            np.testing.assert_allclose(found["upper"][image], upper, atol=1e-4)
    requests = version / "assets.extra" / "tf_serving_warmup_requests"
    logs = [prediction_log_pb2.PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(requests))]
    assert logs[-1].predict_log.request.model_spec.signature_name == "denoise_with_interval"


def test_digits_are_exported_flat_and_square(tmp_path):
    model = DenseAutoencoder(784, (16,))
    loaded = tf.saved_model.load(str(export_for_serving(model, tmp_path)))
    digits = np.random.default_rng(0).uniform(-1, 1, (5, 784)).astype("float32")
    expected = model(digits).numpy()
    flat = loaded.signatures["serving_default"](images=tf.constant(digits))["denoised"]
    square = loaded.signatures["denoise_images"](images=tf.constant(digits.reshape(5, 28, 28)))["denoised"]
    np.testing.assert_allclose(flat, expected, atol=1e-6)
    np.testing.assert_allclose(square, expected.reshape(5, 28, 28), atol=1e-6)


@pytest.mark.slow
def test_a_grey_network_answers_grey_and_one_with_a_transformer_serves(tmp_path):
    model = with_random_weights(ViTUNet(small_vit(image_size=32, layers=1, width=16), 1, (4, 6)))
    loaded = tf.saved_model.load(str(export_for_serving(model, tmp_path)))
    images = noisy_images(2, 37, 21, 1)
    output = loaded.signatures["serving_default"](images=tf.constant(images))["denoised"]
    np.testing.assert_allclose(output, model(images), atol=1e-4)
    data = tf.io.encode_png(noise(9, 7, 3))
    answer = loaded.signatures["denoise_bytes"](image_bytes=data[None])["png_bytes"].numpy()[0]
    assert Image.open(io.BytesIO(answer)).mode == "L"


def test_pictures_beyond_the_limit_are_flagged(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 1)])
    loaded = tf.saved_model.load(str(export_for_serving(model, tmp_path, max_pixels=100)))
    files = [
        encode(noise(height, 10)) for encode in (tf.io.encode_png, tf.io.encode_jpeg) for height in (10, 11)
    ]  # fmt: skip
    answer = loaded.signatures["denoise_bytes"](image_bytes=tf.stack(files))
    assert answer["decoded"].numpy().tolist() == [True, False, True, False]


@pytest.mark.parametrize("size", [(37, 53), (8, 8), (1, 5)])
def test_onnx_runtime_gives_what_keras_gives_at_any_size(size, net, onnx_session):
    images = noisy_images(2, *size, 3)
    (output,) = onnx_session.run(None, {onnx_session.get_inputs()[0].name: images})
    np.testing.assert_allclose(output, net(images), atol=1e-5)


@pytest.fixture(scope="module")
def onnx_session(net, tmp_path_factory):
    return onnxruntime.InferenceSession(export_onnx(net, tmp_path_factory.mktemp("onnx") / "net.onnx"))


def test_litert_gives_what_keras_gives_at_its_odd_size(net, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(export_litert(net, tmp_path / "net.tflite", 37, 53)))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    images = noisy_images(1, 37, 53, 3)
    interpreter.set_tensor(given["index"], images)
    interpreter.invoke()
    np.testing.assert_allclose(interpreter.get_tensor(made["index"]), net(images), atol=1e-5)


def test_what_cannot_be_exported_is_refused(net, tmp_path):
    fixed = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Activation("linear")], name="fixed")
    with pytest.raises(InputError, match=r"of any size, or flattened square ones .*; fixed takes \(None, 8, 8, 3\)"):
        export_for_serving(fixed, tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file cannot be written: File exists"):
        export_for_serving(net, tmp_path / "file")
    (tmp_path / "taken.onnx").touch()
    with pytest.raises(InputError, match=r"taken\.onnx stands there already, and nothing is overwritten"):
        export_onnx(net, tmp_path / "taken.onnx")
    with pytest.raises(InputError, match=r"for --format onnx ends in \.onnx; received .*model"):
        export_onnx(net, tmp_path / "model")
    with pytest.raises(InputError, match="takes pictures of one size: give it with --size HEIGHT WIDTH"):
        export_litert(net, tmp_path / "net.tflite")
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "taken.onnx"}


@pytest.mark.slow
def test_a_network_that_gives_nan_answers_nothing(tmp_path):
    """Written as a picture, what is not a number would become black."""
    fallen = gentle_net(0.02)
    head = fallen.get_layer("head")
    head.set_weights([np.full_like(weights, np.nan) for weights in head.get_weights()])
    served = tf.saved_model.load(str(export_for_serving(fallen, tmp_path))).signatures["denoise_bytes"]
    answer = served(image_bytes=tf.constant([photograph(tmp_path / "a.png", 20, 24).read_bytes()]))
    assert (answer["png_bytes"].numpy()[0], answer["decoded"].numpy()[0]) == (b"", False)
