"""Loading for use: which network of a run, and what is refused before anything of it runs."""

import dataclasses
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from network_checks import noisy_images, with_random_weights
from network_runs import CONFIG, make_run, small

from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder, ViTUNet, small_vit
from tf_denoise.noise.found import FoundNoise
from tf_denoise.runs.folder import network_folder
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.runs.writing import write_json


def test_a_network_is_found_by_a_relative_path_and_by_a_link(tmp_path, monkeypatch):
    make_run(tmp_path / "run", {(1, "mse"): (small(), {})}, CONFIG)
    (tmp_path / "link").symlink_to(network_folder(tmp_path / "run", 1, "mse"))
    monkeypatch.chdir(tmp_path)
    for path in ("run/networks/repeat-1/mse", "run/networks/repeat-1/mse/model.keras", "link"):
        assert load_for_use(path).network == "mse"
    classifier = tmp_path / "run" / "classifier" / "model.keras"
    classifier.parent.mkdir()
    shutil.copy("link/model.keras", classifier)
    assert load_for_use("run/classifier/model.keras").run is None


def test_the_best_network_of_a_run_is_taken_unless_another_is_named(tmp_path):
    networks = {
        (repeat, name): (small(seed), {"val_psnr": [20.0, best, 19.0]})
        for seed, (repeat, name, best) in enumerate(
            [(1, "mse", 30), (1, "wavelet", 29), (2, "mse", 28), (2, "wavelet", 31)]
        )
    }
    run = make_run(tmp_path / "run", networks, {**CONFIG, "repeats": 3})
    images = noisy_images(1, 9, 8, 1)
    for wanted, place in (
        (None, (2, "wavelet")),
        ("mse", (1, "mse")),
        ("repeat-2/mse", (2, "mse")),
    ):
        loaded = load_for_use(run, wanted)
        assert (loaded.name, loaded.repeat, loaded.network) == (f"repeat-{place[0]}/{place[1]}", *place)
        np.testing.assert_array_equal(loaded.model(images), networks[place][0](images))
        assert loaded.trained_range == (5, 55)
        assert not loaded.model.compiled
    with pytest.raises(InputError, match="has no trained network 'regional'; it has mse, wavelet"):
        load_for_use(run, "regional")
    # A network's folder and file are found in their run, too.
    for path in (network_folder(run, 1, "mse"), network_folder(run, 1, "mse") / "model.keras"):
        assert (load_for_use(path).name, load_for_use(path).run.name) == ("repeat-1/mse", "run")
        with pytest.raises(InputError, match=r"--network names a network of a run folder; .* is one network"):
            load_for_use(path, "mse")


def found_noise(**changed):
    """What a run keeps of the noise that it found, as JSON values."""
    nothing = [0.0, 0.0, 0.0]
    found = FoundNoise(0.1, 0.1, 0.0, nothing, nothing, "no", 0.0, 0.0, False)
    return {**dataclasses.asdict(found), **changed}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sigma": [25]}, (25, 25)),
        ({"noise": "poisson_gaussian"}, (5, pytest.approx(np.hypot(55, 25.5)))),
        ({"noise": "salt_and_pepper"}, None),
        ({"clean": "somewhere"}, None),
        ({"clean": "somewhere", "noisy": "elsewhere"}, None),
        ({"noisy": "somewhere", "method": "recorrupted", "noise_found": found_noise()}, (25.5, 25.5)),
        ({"noisy": "somewhere", "method": "noise2void", "noise_found": found_noise(shared="rows")}, None),
        ({"noisy": "somewhere", "method": "noise2void", "noise_found": found_noise(impulses=True)}, None),
        ({"noisy": "somewhere", "method": "recorrupted", "noise_found": found_noise(gain=0.02)}, None),
        ({"noisy": "somewhere", "method": "recorrupted", "noise_found": {"deviation": 0.1}}, None),  # it was changed
    ],
)
def test_the_range_of_noise_is_that_of_the_training(changed, expected, tmp_path):
    run = make_run(tmp_path, {(1, "mae"): (small(), {})}, {**CONFIG, **changed})
    loaded = load_for_use(run)
    assert loaded.trained_range == expected
    assert (loaded.name, loaded.repeat) == ("mae", 1)


def chain(tmp_path, records, repeats=1):
    """A run with a parent and a child by the records of their training."""
    networks = {place: with_random_weights(DenseAutoencoder(9, (4,)), seed=seed) for seed, place in enumerate(records)}
    tree = [{"name": "one_level", "parent": None}, {"name": "one_level/25", "parent": "one_level"}]
    config = {"command": "iterative", "repeats": repeats}
    run = make_run(tmp_path, {place: (network, {}) for place, network in networks.items()}, config, tree)
    for place, record in records.items():
        write_json(network_folder(run, *place) / "training.json", record)
    return run, networks


def test_a_child_comes_with_its_ancestors(tmp_path):
    run, networks = chain(
        tmp_path, {(1, "one_level"): {"validation_mse": 0.5}, (1, "one_level/25"): {"validation_mse": 0.4}}
    )
    parent, child = networks.values()
    digits = noisy_images(1, 3, 9, 1)[0, ..., 0]
    loaded = load_for_use(run)
    assert (loaded.name, loaded.trained_range) == ("one_level/25", None)
    np.testing.assert_allclose(loaded.model(digits), child(parent(digits)), atol=1e-6)
    np.testing.assert_array_equal(load_for_use(run, "one_level").model(digits), parent(digits))


NAN = float("nan")


@pytest.mark.parametrize(
    ("parent", "child", "best"),
    [
        # What the chain was measured at decides, and not an epoch's loss of weights that were not saved.
        ({"validation_mse": 0.3, "history": {"val_loss": [0.2]}},
         {"validation_mse": 0.4, "history": {"val_loss": [0.01, 0.1]}}, "one_level"),
        ({"validation_mse": 0.3, "history": {"val_loss": [0.01]}},
         {"validation_mse": 0.2, "history": {"val_loss": [0.1]}}, "one_level/25"),
        # Older runs, and what is not a number.
        ({"history": {"val_loss": [0.01, 0.3]}}, {"history": {"val_loss": [0.5, 0.2]}}, "one_level/25"),
        ({"validation_mse": NAN, "history": {"val_loss": [0.1]}},
         {"validation_mse": 0.4, "history": {"val_loss": [0.2]}}, "one_level"),
        ({"history": {"val_loss": [NAN]}}, {"history": {"val_loss": [0.2]}}, "one_level/25"),
        ({"history": {}}, {"history": {"val_loss": "low"}}, "one_level"),
        ({}, {}, "one_level"),
    ],
)  # fmt: skip
def test_the_best_network_of_digits_is_that_of_the_best_chain(parent, child, best, tmp_path):
    run, _ = chain(tmp_path, {(1, "one_level"): parent, (1, "one_level/25"): child})
    assert load_for_use(run).name == best


@pytest.mark.parametrize(
    ("network", "repeat", "found"),
    [
        ("one_level", 2, "repeat-2/one_level"),
        ("repeat-2/one_level", None, "repeat-2/one_level"),
        ("repeat-2/one_level", 2, "repeat-2/one_level"),
        ("one_level/25", None, "repeat-1/one_level/25"),
        (None, 2, "repeat-2/one_level/25"),
        (None, None, "repeat-1/one_level"),
    ],
)
def test_a_repeat_is_named_in_either_way(network, repeat, found, tmp_path):
    values = {(1, "one_level"): 0.1, (1, "one_level/25"): 0.2, (2, "one_level"): 0.4, (2, "one_level/25"): 0.3}
    run, _ = chain(tmp_path, {place: {"validation_mse": value} for place, value in values.items()}, repeats=2)
    assert load_for_use(run, network, repeat).name == found
    with pytest.raises(InputError, match="no trained network 'repeat-2/one_level' of repeat 1; it has one_level, one"):
        load_for_use(run, "repeat-2/one_level", 1)
    with pytest.raises(InputError, match="no trained network of repeat 3; it has"):
        load_for_use(run, repeat=3)
    with pytest.raises(InputError, match="--repeat names a network of a run folder"):
        load_for_use(network_folder(run, 1, "one_level"), repeat=1)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("networks.json", [{"name": "a", "parent": "a"}], "is damaged: expected the parent of 'a' before it"),
        ("networks.json", [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}], "the parent of 'a' before it"),
        ("networks.json", [{"name": "a", "parent": 3}], "the parent of 'a' before it; received '3'"),
        ("networks.json", [{"name": "../../elsewhere"}], "networks of different names; received '../../elsewhere'"),
        ("networks.json", [{"name": "/tmp/x"}], "networks of different names"),
        ("networks.json", [{"name": "a"}, {"name": "a"}], "networks of different names; received 'a'"),
        ("networks.json", [{"name": ["a"]}], "networks of different names"),
        ("networks.json", [3], "networks of different names"),
        ("networks.json", {"a": 3}, "expected a list of networks"),
        ("networks.json", [], "expected a list of networks"),
        ("config.json", {"command": "iterative", "repeats": 10**9}, "repeats lies in 1..1,000; received 1000000000"),
        ("config.json", {"command": "iterative", "repeats": "2"}, "repeats lies in 1..1,000; received '2'"),
        ("config.json", {**CONFIG, "sigma": []}, "sigma is one or two numbers; received \\[\\]"),
        ("config.json", {**CONFIG, "sigma": ["5"]}, "sigma is one or two numbers"),
        ("config.json", {**CONFIG, "noise": "poisson_gaussian", "photons": 0}, "photons is a number above 0"),
        ("config.json", [], "its config.json is not that of a run"),
        ("networks/repeat-1/one_level/training.json", [], "expected the record of a training"),
        ("networks/repeat-1/one_level/training.json", {"history": 3}, "expected the record of a training"),
    ],
)
def test_a_damaged_run_is_named_and_no_circle_is_followed(file, content, sentence, tmp_path):
    run, _ = chain(tmp_path, {(1, "one_level"): {}})
    write_json(run / file, content)
    with pytest.raises(InputError, match=sentence):
        load_for_use(run)


def test_networks_that_do_not_fit_together_are_named(tmp_path):
    run, _ = chain(tmp_path, {(1, "one_level"): {}, (1, "one_level/25"): {}})
    DenseAutoencoder(7, (4,)).save(network_folder(run, 1, "one_level/25") / "model.keras")
    with pytest.raises(InputError, match="do not take what their parents give"):
        load_for_use(run, "one_level/25")


@pytest.mark.parametrize("path", ["x" * 3000, "a\0b", "nowhere/model.keras"])
def test_a_path_that_cannot_be_is_a_sentence(path):
    with pytest.raises(
        InputError, match=r"expected a run folder, or a \.keras file, or one of the presets: photographs\.$"
    ) as caught:
        load_for_use(path)
    assert len(str(caught.value)) <= 300


def test_a_network_is_loaded_as_it_was_saved_and_not_compiled(tmp_path):
    model = DenseAutoencoder(12, (4,))
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    loaded = load_network(tmp_path)
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded(np.ones((2, 12))), model(np.ones((2, 12))))


def test_a_file_is_loaded_as_it_was_saved(tmp_path):
    images = noisy_images(1, 9, 8, 3)
    inputs = keras.Input((None, None, 3))
    functional = keras.Model(
        inputs, keras.layers.Conv2D(3, 3, padding="same", activation="relu")(inputs) * 0.5 + inputs
    )
    for index, model in enumerate((small(channels=3), ViTUNet(small_vit(32, layers=1), 3, (4, 6)), functional)):
        model.compile("adam", "mse")
        model.save(tmp_path / f"{index}.keras")
        loaded = load_for_use(tmp_path / f"{index}.keras")
        assert (loaded.name, loaded.config) == (str(index), None)
        np.testing.assert_array_equal(loaded.model(images), model(images))


def ran(folder: Path) -> bool:
    return (folder / "ran").exists()


class Pickled:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def _pickle(folder):
    path = folder / "model.pkl"
    path.write_bytes(pickle.dumps(Pickled(folder / "ran")))
    return path


def _renamed_pickle(folder):
    return _pickle(folder).rename(folder / "model.keras")


def _h5(folder):
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model_config"] = "{}"
    return folder / "model.h5"


def _renamed_h5(folder):
    return _h5(folder).rename(folder / "model.keras")


def _lambda(folder):
    mark = str(folder / "ran")
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Lambda(lambda x: (Path(mark).touch(), x)[1])])
    Path(mark).unlink()  # it ran while the model was built
    model.save(folder / "model.keras")
    return folder / "model.keras"


@keras.saving.register_keras_serializable("theirs")
class Foreign(keras.layers.Layer):
    def call(self, x):
        return x


def _foreign(folder):
    keras.Sequential([keras.Input((None, None, 1)), Foreign()]).save(folder / "model.keras")
    return folder / "model.keras"


def _changed(**part):
    """A file whose first layer stands for something else."""

    def make(folder):
        model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Activation("linear")])
        model.save(folder / "model.keras")
        with zipfile.ZipFile(folder / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(members["config.json"])
        config["config"]["layers"][1]["config"]["activation"] = part
        members["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return folder / "model.keras"

    return make


def _truncated(folder):
    small().save(folder / "model.keras")
    data = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(data[: len(data) // 2])
    return folder / "model.keras"


def _no_model(folder):
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("config.json", "[]")
    return folder / "model.keras"


def _text(folder):
    (folder / "model.keras").write_text("no model")
    return folder / "model.keras"


def _saved_model(folder):
    (folder / "saved_model.pb").touch()
    return folder


def _foreign_run(folder):
    write_json(folder / "config.json", {"learning_rate": 3})
    return folder


def _untrained_run(folder):
    return make_run(folder, {}, tree=[{"name": "mse"}])


CODE = "which can hold code that runs when it is loaded, and was not opened"
REFUSED = {
    "pickle": (_pickle, rf"model\.pkl is a pickle, {CODE}; expected a run folder, or a \.keras file"),
    "renamed pickle": (_renamed_pickle, rf"model\.keras is a pickle, {CODE}"),
    "h5": (_h5, rf"model\.h5 is an HDF5 model, {CODE}"),
    "renamed h5": (_renamed_h5, rf"model\.keras is an HDF5 model, {CODE}"),
    "lambda": (_lambda, r"model\.keras holds a Lambda layer, which can run any code, and was not loaded"),
    "foreign layer": (_foreign, r"holds Foreign of .*, which is none of the layers and .*, and was not"),
    "foreign module": (
        _changed(module="antigravity", class_name="function", config="system", registered_name="function"),
        "holds system of antigravity, which is none of",
    ),
    "keras function": (
        _changed(module="keras.utils", class_name="function", config="get_file", registered_name="get_file"),
        r"holds get_file of keras\.utils, which is none of",
    ),
    "false name": (
        _changed(module="os", class_name="system", config={}, registered_name="tf_denoise>System"),
        "holds system of os, which is none of",
    ),
    "lambda inside": (_changed(class_name="__lambda__", config={"value": "x"}), "holds a Lambda layer"),
    "truncated": (_truncated, r"model\.keras is not a \.keras file, or is damaged: ."),
    "no model": (_no_model, "is damaged: its configuration describes no model"),
    "text": (_text, r"model\.keras is not a \.keras file, or is damaged: File is not a zip file\."),
    "missing": (lambda folder: folder / "nowhere", "nowhere does not exist; expected a run folder, or a .keras file"),
    "no run": (lambda folder: folder, r"is not a run folder: it has no config\.json; expected"),
    "saved model": (_saved_model, "is a SavedModel, which serves without tf_denoise"),
    "another config": (_foreign_run, r"is not a run folder: its config\.json is not that of a run"),
    "untrained": (_untrained_run, "has no trained network yet. Repeat its command to go on"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_trained_network_is_refused_before_anything_of_it_runs(name, tmp_path, monkeypatch):
    make, sentence = REFUSED[name]
    path = make(tmp_path)
    opened = []
    monkeypatch.setattr(keras.models, "load_model", lambda *a, **k: opened.append(a))
    with pytest.raises(InputError, match=sentence) as caught:
        load_for_use(path)
    assert "\n" not in str(caught.value)
    assert not opened
    assert not ran(tmp_path)


def unfinished_run(folder, networks):
    """A run whose networks, by `(repeat, name)` with their PSNR, are still trained."""
    run = make_run(folder, {place: (small(), {"val_psnr": [best]}) for place, best in networks.items()}, CONFIG)
    for place, best in networks.items():
        (network_folder(run, *place) / "training.json").unlink()
        record = {"epochs": 3, "of": 20, "history": {"val_psnr": [20.0, best, 21.0]}}
        write_json(network_folder(run, *place) / "unfinished.json", record)
    return run


def test_the_best_state_of_an_unfinished_training_can_be_used_and_says_so(tmp_path, capsys):
    run = unfinished_run(tmp_path / "run", {(1, "mse"): 28.0, (1, "mae"): 30.0})
    loaded = load_for_use(run)
    assert loaded.name == "mae"
    sentence = "mae is not finished: this is its best state in 3 of 20 parts of its training."
    assert loaded.unfinished == sentence
    assert capsys.readouterr().err == f"note: {sentence}\n"
    assert load_for_use(run, "mse").unfinished
    assert load_for_use(network_folder(run, 1, "mse")).unfinished
    write_json(network_folder(run, 1, "mse") / "training.json", {"steps": 3, "history": {"val_psnr": [31.0]}})
    capsys.readouterr()
    loaded = load_for_use(run)
    assert (loaded.name, loaded.unfinished) == ("mse", None)
    assert capsys.readouterr().err == ""


def test_a_training_that_was_not_judged_yet_cannot_be_used(tmp_path):
    run = unfinished_run(tmp_path / "run", {(1, "mse"): 28.0})
    (network_folder(run, 1, "mse") / "model.keras").unlink()
    with pytest.raises(InputError, match=r"has no trained network yet\. Repeat its command to go on"):
        load_for_use(run)
    record = network_folder(unfinished_run(tmp_path / "damaged", {(1, "mse"): 28.0}), 1, "mse") / "unfinished.json"
    for text in ("[]", '{"of": 5}', '{"epochs": "x", "of": null}'):
        record.write_text(text)
        with pytest.raises(InputError, match=r"unfinished\.json is damaged: expected the record of a training"):
            load_for_use(tmp_path / "damaged")
