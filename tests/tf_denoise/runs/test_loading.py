"""Loading for use: which network of a run, and what is refused before anything of it runs."""

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
from tf_denoise.runs.folder import network_folder, write_json
from tf_denoise.runs.loading import load_for_use


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


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sigma": [25]}, (25, 25)),
        ({"noise": "poisson_gaussian"}, (5, pytest.approx(np.hypot(55, 25.5)))),
        ({"noise": "salt_and_pepper"}, None),
        ({"clean": "somewhere"}, None),
    ],
)
def test_the_range_of_noise_is_that_of_the_training(changed, expected, tmp_path):
    run = make_run(tmp_path, {(1, "mae"): (small(), {})}, {**CONFIG, **changed})
    loaded = load_for_use(run)
    assert loaded.trained_range == expected
    assert (loaded.name, loaded.repeat) == ("mae", 1)


def test_a_child_comes_with_its_ancestors(tmp_path):
    parent, child = (with_random_weights(DenseAutoencoder(9, (4,)), seed=seed) for seed in (0, 1))
    tree = [{"name": "one_level", "parent": None}, {"name": "one_level/25", "parent": "one_level"}]
    networks = {(1, "one_level"): (parent, {"val_loss": [0.5]}), (1, "one_level/25"): (child, {"val_loss": [0.6, 0.4]})}
    run = make_run(tmp_path, networks, {"command": "iterative", "repeats": 1}, tree)
    digits = noisy_images(1, 3, 9, 1)[0, ..., 0]
    loaded = load_for_use(run)
    assert (loaded.name, loaded.trained_range) == ("one_level/25", None)
    np.testing.assert_allclose(loaded.model(digits), child(parent(digits)), atol=1e-6)
    np.testing.assert_array_equal(load_for_use(run, "one_level").model(digits), parent(digits))


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
    "foreign layer": (_foreign, r"holds Foreign of .*, which is none of the layers and operations that .*, and was not"),
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
