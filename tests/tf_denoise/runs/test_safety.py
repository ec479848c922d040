"""What may be loaded: nothing of a file runs, and no file takes more than it holds."""

import importlib
import inspect
import json
import struct
import time
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_files import members, network_file, part, write_members
from network_checks import noisy_images

from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder, UNet, ViTUNet, small_vit
from tf_denoise.runs.allowed import CLASSES, FUNCTIONS
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.runs.safety import MOST_CONFIG_BYTES, check_file


def refused(path, sentence, folder=None) -> str:
    """The sentence with which a file is refused: one line, and quickly."""
    started = time.monotonic()
    with pytest.raises(InputError, match=sentence) as caught:
        load_for_use(path)
    message = str(caught.value)
    assert time.monotonic() - started < 20
    assert len(message) <= 300
    assert message.isprintable()
    assert message.endswith(".")
    return message


@keras.saving.register_keras_serializable("theirs")
def theirs(x):
    return x


@keras.saving.register_keras_serializable("tf_denoise")
class FalselyOurs(keras.layers.Layer):
    """Registered under our name by somebody else."""


FUNCTION = {"class_name": "function", "registered_name": "function"}
SWITCH = part("Switch", "keras.src.ops.core", {"name": "switch"}, "Switch")
# Each takes the place of the activation of the second layer, or of the layer.
OBJECTS = {
    "TFSMLayer": part("TFSMLayer", config={"filepath": "SAVED", "call_endpoint": "serve"}),
    "TFSMLayer by its own module": part("TFSMLayer", "keras.src.export.tfsm_layer", {"filepath": "SAVED"}, "TFSMLayer"),
    "TFSMLayer through a module's name": part("layers.TFSMLayer", "keras", {"filepath": "SAVED"}),
    "TFSMLayer as a function": {**FUNCTION, "module": "keras.layers", "config": "TFSMLayer"},
    "TFSMLayer as a built-in": {**FUNCTION, "module": "builtins", "config": "TFSMLayer"},
    "TFSMLayer under an activation's name": {
        **FUNCTION, "module": "keras.layers", "config": "TFSMLayer", "registered_name": "relu",
    },
    "TFSMLayer of no module": {"class_name": "TFSMLayer", "config": {"filepath": "SAVED"}},
    "TFSMLayer named as ours": part("TFSMLayer", config={"filepath": "SAVED"}, registered="tf_denoise>UNet"),
    **{name: part(name, "keras.src.ops.core", {"name": "x"}, name)
       for name in ("Cond", "Map", "Scan", "AssociativeScan", "WhileLoop", "ForiLoop", "VectorizedMap", "Switch")},
    **{name: part(name) for name in (
        "Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "TextVectorization", "TimeDistributed",
        "RNN", "Wrapper", "Layer", "Pipeline", "RandomCrop",
    )},
    "download": {**FUNCTION, "module": "keras.utils", "config": "get_file"},
    "saving": {**FUNCTION, "module": "keras.saving", "config": "load_model"},
    "deserialize": {**FUNCTION, "module": "keras.activations", "config": "deserialize"},
    "registered function": {**FUNCTION, "module": "keras.activations", "config": "theirs>theirs"},
    "registered by a name": "theirs>theirs",
    "registered class by a name": "keras_hub>ViTImageClassifier",
    "of another package": part("ViTImageClassifier", "keras_hub.models", {}, "keras_hub>ViTImageClassifier"),
    "falsely ours": part("FalselyOurs", "tf_denoise.layers", {}, "tf_denoise>FalselyOurs"),
    "type specification": part("__typespec__", "os", [], "system", spec_name="x"),
    "array of huge strings": {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U1000000000"}},
    "system": {**FUNCTION, "module": "os", "config": "system"},
}  # fmt: skip


@pytest.fixture
def sentinel(tmp_path, monkeypatch):
    """Shows whether anything of a file was built: Keras' own door, and that of SavedModels."""
    opened = []
    for module, name in (
        (keras.saving, "deserialize_keras_object"), (keras.models, "load_model"), (tf.saved_model, "load"),
        (keras.utils, "get_file"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *a, name=name, **k: opened.append(name))
    yield
    assert opened == []
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("place", ["activation", "layer", "nested", "dtype", "node", "build", "compile"])
def test_nothing_but_known_parts_is_built(name, place, tmp_path, sentinel):
    hostile = OBJECTS[name]

    def change(config):
        conv = config["config"]["layers"][1]
        if place == "layer":
            config["config"]["layers"][1] = hostile if isinstance(hostile, dict) else part(hostile)
        elif place == "nested":  # how a network within the network was compiled is executed by Keras
            config["config"]["layers"][1] = {**part("Sequential", "keras", {"layers": [hostile]})}
        elif place == "node":
            conv["inbound_nodes"] = [{"args": [[hostile]], "kwargs": {"mask": hostile}}]
        elif place == "build":
            conv["build_config"] = {"input_shape": hostile}
        elif place == "compile":
            conv["compile_config"] = {"optimizer": hostile, "loss": [hostile]}
        else:
            conv["config"][place] = hostile

    refused(network_file(tmp_path / "model.keras", change), "and was not loaded|describes no model")


def test_the_network_itself_may_be_of_no_other_kind(tmp_path, sentinel):
    for hostile in ("TFSMLayer", "Lambda", "Layer"):
        refused(network_file(tmp_path / "model.keras", lambda config, name=hostile: part(name)), f"holds .*{hostile}")


def test_how_a_network_itself_was_compiled_is_ignored(tmp_path):
    def change(config):
        config["compile_config"] = {"loss": OBJECTS["download"], "optimizer": part("Theirs", "os")}

    assert not load_for_use(network_file(tmp_path / "model.keras", change)).model.compiled


def test_a_run_and_its_evaluation_go_through_the_same_door(tmp_path, sentinel):
    network_file(tmp_path / "model.keras", lambda config: part("TFSMLayer"))
    with pytest.raises(InputError, match="holds TFSMLayer of keras"):
        load_network(tmp_path)


def test_networks_of_all_that_is_allowed_come_back(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.PReLU()])
    inner.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, 9)), keras.losses.Huber(), ["mae"])
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(
        4, 3, padding="same", activation=keras.activations.gelu, kernel_regularizer="l2", bias_constraint="non_neg"
    )(inputs)
    x = keras.layers.GroupNormalization(2)(inner(x))
    x = keras.layers.Dropout(0.1)(keras.layers.BatchNormalization()(x))
    x = keras.ops.concatenate([x, keras.ops.pad(x[:, 1:, 1:], ((0, 0), (0, 1), (0, 1), (0, 0)))], axis=-1)
    x = keras.layers.Conv2DTranspose(4, 2, 2)(keras.layers.MaxPooling2D()(keras.ops.relu(x) * np.float32(0.5)))
    model = keras.Model(inputs, keras.ops.clip(keras.layers.SeparableConv2D(3, 3, padding="same")(x) + inputs, 0, 1))
    images = noisy_images(2, 8, 8, 3)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(load_for_use(tmp_path / "model.keras").model(images), model(images))


@pytest.mark.parametrize("module", CLASSES)
def test_what_is_allowed_is_a_part_of_keras_that_runs_nothing(module):
    """Every name stands for a class of this Keras; a name that is not there any more would allow another's class."""
    kinds = (keras.Layer, keras.Operation, keras.Initializer, keras.Regularizer, keras.constraints.Constraint,
             keras.dtype_policies.DTypePolicy)  # fmt: skip
    for name in CLASSES[module]:
        found = getattr(importlib.import_module(module), name)
        assert inspect.isclass(found), name
        assert issubclass(found, kinds), name
        assert "function" not in str(inspect.signature(found)), name
    for names in FUNCTIONS.values():
        assert all(inspect.isfunction(getattr(keras.activations, name)) for name in names)


def with_config(text: bytes):
    def make(path):
        content = members(network_file(path))
        return write_members(path, {**content, "config.json": text}, zipfile.ZIP_DEFLATED)

    return make


def with_weights(change):
    return lambda path: network_file(path, weights=change)


def _declared(file):  # nothing of it is stored
    file.create_dataset("big", (500_000_000,), "float32", chunks=(1 << 20,), compression="gzip")


def _declared_contiguous(file):
    file.create_dataset("big", (500_000_000,), "float32")


def _external(file):
    file.create_dataset("far", (4,), "float32", external=[("/etc/passwd", 0, 16)])


def _virtual(file):
    layout = h5py.VirtualLayout((500_000_000,), "float32")
    layout[:4] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("far", layout)


def _soft(file):
    file["far"] = h5py.SoftLink("/layers")


def _far(file):
    file["far"] = h5py.ExternalLink("other.h5", "/x")


def _circle(file):
    file["layers"]["circle"] = file["layers"]


def _strings(file):
    file.create_dataset("words", data=["a"] * 4)


def _larger(name, value):
    """A network of ours with one argument that asks for too much."""
    models = {
        "hidden_units": lambda: DenseAutoencoder(9, (4,)),
        "num_layers": lambda: ViTUNet(small_vit(32, layers=1, width=8, heads=2), 1, (4, 6)),
        "image_shape": lambda: ViTUNet(small_vit(32, layers=1, width=8, heads=2), 1, (4, 6)),
    }

    def change(config):
        arguments = config["config"]
        (arguments if name in arguments else arguments["vit"]["config"])[name] = value

    return lambda path: network_file(path, change, model=models.get(name, lambda: UNet(1, (2, 4), blocks=1))())


def _units(path):
    def change(config):
        config["config"]["layers"][1]["config"]["filters"] = 10**9

    return network_file(path, change)


def _zero_weights(path):
    content = members(network_file(path))
    return write_members(path, {**content, "model.weights.h5": bytes(200 << 20)}, zipfile.ZIP_DEFLATED)


def _false_size(path):
    """The header of the archive says that the configuration is small."""
    with_config(b" " * (64 << 20))(path)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"config.json"))
    data[place + 24 : place + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    return path


BOMBS = {
    "configuration of 300 MB": (with_config(b" " * (300 << 20)), r"has a config\.json of more than 4 MB"),
    "false size": (_false_size, "is damaged|of more than 4 MB|describes no model"),
    "brackets": (with_config(b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
    "objects": (with_config(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "nested too deeply"),
    "deep parts": (with_config(json.dumps({"class_name": "Sequential", "module": "keras", "config": json.loads(
        "[" * 200 + "]" * 200)}).encode()), "nested too deeply"),
    "many parts": (with_config(json.dumps(part("Sequential", "keras", {"layers": [part("ReLU")] * 25_000})).encode()),
                   "made of more than 20,000 parts"),
    "long number": (with_config(b'{"class_name": ' + b"1" * 10_000 + b"}"), "is damaged"),
    "blocks": (_larger("blocks", 10**6), "a network with more weights than the [0-9,]+ that it holds"),
    "widths": (_larger("widths", [10**6, 10**6]), "more weights than"),
    "many widths": (_larger("widths", [1] * 100_000), "more weights than|cannot be loaded"),
    "hidden units": (_larger("hidden_units", [10**9]), "more weights than"),
    "transformer layers": (_larger("num_layers", 10**6), "more weights than"),
    "transformer image": (_larger("image_shape", [16_000_000, 16_000_000, 3]), "more weights than|cannot be loaded"),
    "negative": (_larger("blocks", -3), "cannot be loaded"),
    "filters": (_units, "more weights than"),
    "declared": (with_weights(_declared), "declares 2,000 MB of weights and holds"),
    "declared, contiguous": (with_weights(_declared_contiguous), "declares 2,000 MB of weights and holds"),
    "external": (with_weights(_external), "has weights that lie in another file"),
    "virtual": (with_weights(_virtual), "has weights that lie in another file"),
    "soft link": (with_weights(_soft), "has weights that lead to another place"),
    "external link": (with_weights(_far), "has weights that lead to another place"),
    "circle": (with_weights(_circle), "has weights that stand in two places"),
    "strings": (with_weights(_strings), "has weights that are not numbers"),
    "zeros": (_zero_weights, "declares 210 MB of weights, 1024 times its size"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_no_file_takes_more_than_it_holds(name, tmp_path):
    make, sentence = BOMBS[name]
    path = make(tmp_path / "model.keras")
    tracemalloc.start()
    try:
        refused(path, sentence)
        assert tracemalloc.get_traced_memory()[1] < 40 * MOST_CONFIG_BYTES
    finally:
        tracemalloc.stop()


def _flag(data, bit):
    """Both headers of every member say that it is encrypted."""
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place] |= bit
    return data


def _method(data):
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place : at + place + 2] = struct.pack("<H", 97)
    return data


def _noise(data):
    rng = np.random.default_rng(0)
    data[100:400] = rng.integers(0, 256, 300, "uint8").tobytes()
    return data


DAMAGE = {
    "encrypted": lambda data: _flag(data, 1),
    "unknown compression": _method,
    "overwritten": _noise,
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "end cut": lambda data: data[:-200],
    "zeros": lambda data: data[:300] + bytes(200) + data[500:],
    "text": lambda data: b"no model",
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_damaged_archive_is_a_sentence(name, compression, tmp_path):
    path = write_members(tmp_path / "model.keras", members(network_file(tmp_path / "whole.keras")), compression)
    path.write_bytes(DAMAGE[name](bytearray(path.read_bytes())))
    refused(path, r"model\.keras is not a \.keras file, or is damaged: .")


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_a_member_that_is_missing_or_not_what_it_should_be_is_named(missing, tmp_path):
    content = members(network_file(tmp_path / "whole.keras"))
    path = write_members(tmp_path / "model.keras", {k: v for k, v in content.items() if k != missing})
    refused(path, "is not a .keras file, or is damaged: ")
    for content[missing] in (b"", b"\xff" * 100, b"[]", b"{}", b'{"class_name": 3}', b'{"class_name": []}'):
        refused(write_members(tmp_path / "model.keras", content), "is not a .keras file, or is damaged: ")


def test_members_that_no_network_needs_are_refused(tmp_path):
    content = members(network_file(tmp_path / "whole.keras"))
    refused(write_members(tmp_path / "model.keras", {**content, "assets/x": b""}), "holds assets/x, which")
    write_members(tmp_path / "model.keras", content)
    with zipfile.ZipFile(tmp_path / "model.keras", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", content["config.json"])
    refused(tmp_path / "model.keras", "holds config.json, which")


def test_weights_of_another_shape_are_a_short_sentence(tmp_path):
    def change(file):
        values = file["layers/conv2d/vars/0"]
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = np.zeros((1, 2, *values.shape[2:]) if hasattr(values, "shape") else 3, "float32")

    keras.backend.clear_session()
    refused(network_file(tmp_path / "model.keras", weights=change), r"model\.keras cannot be loaded: .")


def test_arguments_that_a_layer_does_not_take_are_a_short_sentence(tmp_path):
    def change(config):
        config["config"]["layers"][1]["config"] |= {"no_such": "x" * 3000, "kernel_size": "wrong"}

    refused(network_file(tmp_path / "model.keras", change), r"model\.keras cannot be loaded: .")


def test_a_sound_file_is_checked_as_one(tmp_path):
    held = check_file(network_file(tmp_path / "model.keras"))
    assert held == (2, 10)
