import io
import socket
import threading
import time
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest
from helpers import tiny_arrays

from tf_denoise.data import digits
from tf_denoise.data.digits import load_digits
from tf_denoise.errors import InputError


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def dead_network(monkeypatch, no_cache):
    """Every connection fails, as on a machine without a network."""

    def fail(*args, **kwargs):
        raise urllib.error.URLError("[Errno -3] Temporary failure in name resolution")

    monkeypatch.setattr(urllib.request, "urlopen", fail)


def written(path, **changes):
    """An .npz file with some arrays changed, or left out if `None`."""
    arrays = {key: value for key, value in {**tiny_arrays(), **changes}.items() if value is not None}
    np.savez(path, **arrays)
    return path


def test_the_embedded_digits_need_no_file():
    data = load_digits("digits")
    assert (data.x_train.shape, data.x_validation.shape, data.x_test.shape) == ((1189, 784), (108, 784), (500, 784))
    for images, labels in (
        (data.x_train, data.y_train), (data.x_validation, data.y_validation), (data.x_test, data.y_test),
    ):  # fmt: skip
        assert images.dtype == labels.dtype == "uint8"
        assert (images.min(), images.max()) == (0, 255)
        assert set(np.unique(labels)) == set(range(10))
    frame = np.ones((28, 28), bool)
    frame[2:-2, 2:-2] = False
    assert not data.x_train.reshape(-1, 28, 28)[:, frame].any()


def test_the_last_twelfth_of_the_training_digits_is_held_out(tmp_path):
    arrays = tiny_arrays()
    data = load_digits(str(written(tmp_path / "a.npz")))
    together = np.concatenate([data.x_train, data.x_validation])
    np.testing.assert_array_equal(together, arrays["x_train"].reshape(-1, 784))
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_validation]), arrays["y_train"])
    np.testing.assert_array_equal(data.x_test, arrays["x_test"].reshape(-1, 784))
    assert len(data.x_validation) == 10
    assert data.description == "a.npz: 120 training and 24 test digits."


@pytest.mark.parametrize("shape", [(-1, 784), (-1, 28, 28, 1)])
@pytest.mark.parametrize("kind", ["uint8", "int64", "float16", "float32", "float64"])
def test_shapes_and_types_that_mean_the_same_are_read_alike(tmp_path, shape, kind):
    expected = load_digits(str(written(tmp_path / "bytes.npz")))
    changed = {}
    for key in ("x_train", "x_test"):
        images = tiny_arrays()[key].reshape(shape)
        changed[key] = (images / 255).astype(kind) if kind.startswith("float") else images.astype(kind)
    found = load_digits(str(written(tmp_path / "other.npz", y_test=tiny_arrays()["y_test"].astype("int32"), **changed)))
    np.testing.assert_array_equal(found.x_train, expected.x_train)
    assert found.fingerprint() == expected.fingerprint()


def test_a_fingerprint_tells_data_apart(tmp_path):
    labels = tiny_arrays()["y_test"].copy()
    labels[3] = (labels[3] + 1) % 10
    one, other = (load_digits(str(written(tmp_path / "a.npz", y_test=y))) for y in (tiny_arrays()["y_test"], labels))
    assert one.fingerprint() != other.fingerprint()


def broken(key, change):
    """The tiny arrays with `change` applied to one of them."""
    return {key: change(tiny_arrays()[key].copy())}


def with_value(index, value, dtype):
    def change(array):
        array = array.astype(dtype)
        array.flat[index] = value
        return array

    return change


BAD = {
    "a key is missing": ({"x_test": None}, r"lacks x_test; expected the keys x_train.*found x_train, y_train, y_test"),
    "all keys are wrong": (
        dict.fromkeys(("x_train", "y_train", "x_test", "y_test")) | {"images": np.zeros(3)},
        r"lacks x_train, y_train, x_test, y_test; .* found images",
    ),
    "image size": (broken("x_train", lambda x: x[:, :20]), r"x_train has shape \(120, 20, 28\); expected \(images, 28"),
    "no images at all": (broken("x_test", lambda x: np.uint8(3)), r"x_test has shape \(\); expected"),
    "too few": (broken("x_test", lambda x: x[:5]), r"x_test holds 5 images; expected at least 24"),
    "texts": (broken("x_train", lambda x: x.astype("U3")), r"x_train has type <U3; expected integers in 0..255"),
    "complex": (broken("x_train", lambda x: x.astype("complex64")), r"x_train has type complex64; expected integers"),
    "above 255": (broken("x_test", with_value(7, 300, "int32")), r"int32 has values from 0 to 300; expected 0 to 255"),
    "below 0": (broken("x_train", with_value(7, -1, "int16")), r"int16 has values from -1 to 255; expected 0 to 255"),
    "floats to 255": (broken("x_train", lambda x: x.astype("f")), r"float32 has values from 0 to 255; expected 0 to 1"),
    "NaN": (broken("x_train", lambda x: with_value(9, np.nan, "f")(x / 255)), r"x_train holds values that are not fin"),
    "infinite": (broken("x_test", lambda x: with_value(9, np.inf, "f")(x / 255)), r"x_test holds values that are not "),
    "labels too many": (broken("y_train", lambda y: y[:-1]), r"y_train has shape \(119,\); expected one .*, \(120,\)"),
    "labels one-hot": (broken("y_test", lambda y: np.eye(10)[y]), r"y_test has shape \(24, 10\); expected one label"),
    "labels as floats": (broken("y_test", lambda y: y.astype("f")), r"y_test has type float32; expected integers in 0"),
    "label 10": (broken("y_train", with_value(4, 10, "int8")), r"y_train has values from 0 to 10; expected 0 to 9"),
    "label -1": (broken("y_test", with_value(4, -1, "int8")), r"y_test has values from -1 to 9; expected 0 to 9"),
    "pickles": ({"x_train": np.array([{}] * 30, object)}, r"cannot be read as an .npz file \(is it truncated\?\): "),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD.keys())
def test_a_file_with_bad_content_is_refused_by_name(tmp_path, changes, message):
    path = written(tmp_path / "bad.npz", **changes)
    with pytest.raises(InputError, match=message) as caught:
        load_digits(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path):
    for dataset in (tmp_path / "none.npz", tmp_path, "fashion"):
        with pytest.raises(
            InputError, match=rf"The dataset {dataset} does not exist; expected mnist, digits, auto, or"
        ):
            load_digits(str(dataset))


def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, **tiny_arrays())
    whole = path.read_bytes()
    damages = [b"", b"not a zip file at all", whole[:100], whole[: len(whole) // 2], whole[:-10]]
    for place in range(200, len(whole) - 400, len(whole) // 12):
        damages.append(whole[:place] + bytes(255 - byte for byte in whole[place : place + 60]) + whole[place + 60 :])
    for damaged in damages:
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"bad\.npz( cannot be read as an \.npz file|: | lacks )"):
            load_digits(str(path))


def test_an_array_file_is_no_archive(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((30, 784)))
    with pytest.raises(InputError, match=r"a\.npy cannot be read as an \.npz file"):
        load_digits(str(tmp_path / "a.npy"))


def test_mnist_without_a_network_says_so_and_the_way_out(dead_network):
    with pytest.raises(InputError) as caught:
        load_digits("mnist")
    assert str(caught.value) == (
        "MNIST is not cached and cannot be downloaded: [Errno -3] Temporary failure in name resolution. Connect to a "
        "network, name a file with --dataset PATH.npz, or use --dataset digits, which needs none."
    )


def test_a_network_that_hangs_is_noticed_within_seconds(monkeypatch, no_cache):
    released = threading.Event()

    def hang(*args, **kwargs):
        released.wait(120)
        raise OSError("released")

    monkeypatch.setattr(urllib.request, "urlopen", hang)
    monkeypatch.setattr(digits, "_PROBE_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(InputError, match="cannot be downloaded: no answer within 0 s"):
        load_digits("mnist")
    assert time.monotonic() - started < 20
    released.set()


@pytest.mark.slow
def test_a_server_that_never_answers_is_given_up_within_seconds(monkeypatch, no_cache):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(digits, "_MNIST_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        started = time.monotonic()
        with pytest.raises(InputError, match="cannot be downloaded: "):
            load_digits("mnist")
    assert time.monotonic() - started < 15


def test_a_download_that_stalls_is_given_up_within_a_minute(monkeypatch, no_cache):
    seen = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: io.BytesIO())

    def stall():
        seen.append(socket.getdefaulttimeout())
        raise TimeoutError("The read operation timed out")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", stall)
    with pytest.raises(InputError, match="The download of MNIST failed: The read operation timed out"):
        load_digits("mnist")
    assert 0 < seen[0] <= 60
    assert socket.getdefaulttimeout() is None


def test_auto_falls_back_on_the_embedded_digits_and_says_so(dead_network):
    data = load_digits("auto")
    assert data.name == "digits"
    assert data.description.startswith("MNIST is not cached and cannot be downloaded: [Errno -3] Temporary failure")
    assert "Used instead: the 1,797 handwritten digits embedded in scikit-learn" in data.description
    assert data.fingerprint() == load_digits("digits").fingerprint()


def test_a_download_that_breaks_off_is_reported(monkeypatch, no_cache):
    class Answer:
        close = staticmethod(lambda: None)

    def broken_off():
        raise Exception("URL fetch failure on https://example.org: None -- timed out\nmore")

    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: Answer)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", broken_off)
    with pytest.raises(InputError, match=r"The download of MNIST failed: URL fetch failure .* timed out\. Try again"):
        load_digits("mnist")
    assert load_digits("auto").name == "digits"


def test_cached_mnist_is_taken_without_asking_the_network(monkeypatch, dead_network, tmp_path):
    cached = tmp_path / "keras" / "datasets" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.touch()
    arrays = tiny_arrays()
    pairs = ((arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"]))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: pairs)
    for name in ("mnist", "auto"):
        data = load_digits(name)
        assert data.name == "mnist"
        assert data.description.startswith("MNIST: 60,000 training and 10,000 test digits")
        np.testing.assert_array_equal(data.x_test, arrays["x_test"].reshape(-1, 784))
        assert len(data.x_validation) == 10
