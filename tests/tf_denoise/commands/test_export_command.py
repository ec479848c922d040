"""`python -m tf_denoise export`: its options, what it writes, its model card."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import files_of, refusal
from network_checks import noisy_images, with_random_weights
from network_runs import CONFIG, make_run, small
from picture_files import photograph

from tf_denoise.__main__ import main
from tf_denoise.models import DenseAutoencoder
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.runs.folder import network_folder
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.runs.writing import write_json, write_text
from tf_denoise.uncertainty import IntervalHead, Intervals

SCORES = """repeat,method,picture,level,measure,value
0,input,a.png,15.0,psnr,14
0,input,a.png,50.0,psnr,16
1,mse,a.png,15.0,psnr,25
1,mse,a.png,50.0,psnr,26
2,mse,a.png,15.0,psnr,27
2,mse,a.png,50.0,psnr,28
2,mse,a.png,50.0,ssim,
"""


@pytest.fixture
def run(tmp_path):
    """A run on photographs, of two repeats."""
    settings = {"repeats": 2, "crop_size": 96, "batch_size": 16, "seed": 3}
    networks = {(repeat, "mse"): (small(repeat), {"val_psnr": [26.0, 27.25 + repeat]}) for repeat in (1, 2)}
    folder = make_run(tmp_path / "run", networks, {**CONFIG, **settings})
    parts = {"train": ["a"] * 72, "validation": ["b"] * 8, "test": ["c", "d"]}
    write_json(folder / "data.json", {"description": "82 photographs from cracks", **parts, "skipped": []})
    write_json(folder / "environment.json", {"tensorflow": "2.21.0", "keras": "3.15.1"})
    write_text(folder / "scores.csv", SCORES)
    return folder


def test_the_card_says_what_a_sharpness_loss_stood_beside(tmp_path):
    settings = {"crop_size": 96, "batch_size": 16, "seed": 3, "loss_weight": 0.2}
    run = make_run(tmp_path / "run", {(1, "wavelet"): (small(), {})}, {**CONFIG, **settings})
    main(["export", str(run), str(tmp_path / "served")])
    card = (tmp_path / "served" / "1" / "model_card.md").read_text()
    assert "- Loss: wavelet (wavelet details), weight 0.2, beside the mean squared error; crops of 96 pixels." in card


def test_the_best_network_is_exported_with_its_card(run, tmp_path, capsys):
    main(["export", str(run), str(tmp_path / "served")])
    version = tmp_path / "served" / "1"
    assert capsys.readouterr().out == f"repeat-2/mse: {version}, described in {version / 'model_card.md'}\n"
    images = noisy_images(2, 11, 7, 1)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    np.testing.assert_allclose(served(images=tf.constant(images))["denoised"], small(2)(images), atol=1e-5)
    card = (version / "model_card.md").read_text()
    for line in (
        "# repeat-2/mse",
        "- Data: 82 photographs from cracks (72 for train, 8 for validation, 2 for test).",
        "- Noise: Gaussian, deviation 5 to 55 (255ths).",
        "- Loss: mse (mean squared error); crops of 96 pixels.",
        "- 3 training steps of 16 images, seed 3.",
        "- TensorFlow 2.21.0, Keras 3.15.1.",
        "- Best PSNR on the validation photographs: 29.25 dB.",
        "- PSNR in dB, mean over the test photographs at sigma 15, 50: 27.500, of the noisy ones 15.000.",
        "- Trained on noise of deviation 5 to 55 (255ths); of other noise nothing is promised.",
        "- `denoise_bytes`: `image_bytes` string (None,) to `png_bytes`, `decoded`",
    ):
        assert line in card.splitlines()
    assert "SSIM" not in card  # none was measured


@pytest.mark.slow
def test_a_network_that_is_named_goes_to_other_formats(run, tmp_path, capsys):
    main(["export", str(run), str(tmp_path / "a.onnx"), "--format", "onnx", "--network", "repeat-1/mse"])
    sized = ["--format", "litert", "--size", "9", "13"]
    main(["export", str(run / "networks" / "repeat-1" / "mse"), str(tmp_path / "a.tflite"), *sized])
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"repeat-1/mse: {tmp_path / name}" for name in ("a.onnx", "a.tflite")]
    assert {path.name for path in tmp_path.iterdir()} == {"run", "a.onnx", "a.tflite"}


def test_a_child_is_exported_as_its_chain(tmp_path):
    parent, child = (with_random_weights(DenseAutoencoder(9, (4,)), seed=seed) for seed in (0, 1))
    tree = [{"name": "one_level", "parent": None}, {"name": "one_level/25", "parent": "one_level"}]
    networks = {(1, "one_level"): (parent, {}), (1, "one_level/25"): (child, {"val_loss": [0.01, 0.3]})}
    config = {"command": "iterative", "repeats": 1, "batch_size": 256, "seed": 0, "dataset_description": "digits"}
    run = make_run(tmp_path / "run", networks, config, tree)
    for (_, name), value in zip(networks, (0.5, 0.25), strict=True):
        record = {"steps": 3, "history": networks[1, name][1], "validation_mse": value}
        write_json(network_folder(run, 1, name) / "training.json", record)
    main(["export", str(run), str(tmp_path / "served")])
    digits = noisy_images(1, 4, 9, 1)[0, ..., 0]
    served = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures
    expected = child(parent(digits)).numpy()
    np.testing.assert_allclose(served["serving_default"](images=tf.constant(digits))["denoised"], expected, atol=1e-6)
    square = served["denoise_images"](images=tf.constant(digits.reshape(4, 3, 3)))["denoised"]
    np.testing.assert_allclose(square, expected.reshape(4, 3, 3), atol=1e-6)
    card = (tmp_path / "served" / "1" / "model_card.md").read_text()
    assert "- Data: digits." in card
    assert "- Mean squared error on the held-out digits, noise of mixed levels, as exported: 0.25000." in card
    assert "0.01" not in card  # the loss of an epoch whose weights were not saved, behind renoised predictions
    for (_, name), value in zip(networks, (0.5, 0.25), strict=True):  # of older runs nothing comparable is known
        write_json(network_folder(run, 1, name) / "training.json", {"history": {"val_loss": [value]}})
    main(["export", str(run), str(tmp_path / "served")])
    assert "None are known." in (tmp_path / "served" / "2" / "model_card.md").read_text()


@pytest.mark.parametrize("network", ["one_level/25", "multi_level/multi"])
def test_a_child_of_a_real_run_is_exported(tiny_run, tmp_path, network):
    """All networks of a run have one name, which Keras allows once in a model."""
    main(["export", str(tiny_run), str(tmp_path / "served"), "--network", network])
    loaded = load_for_use(tiny_run, network)
    digits = noisy_images(1, 4, 784, 1)[0, ..., 0]
    served = tf.saved_model.load(str(tmp_path / "served" / "1")).signatures
    np.testing.assert_allclose(
        served["serving_default"](images=tf.constant(digits))["denoised"], loaded.model(digits), atol=1e-6
    )
    parent, child = (load_network(network_folder(tiny_run, 1, name)) for name in (network.split("/")[0], network))
    expected = child(parent(digits))
    np.testing.assert_allclose(loaded.model(digits), expected, atol=1e-6)


def test_what_cannot_be_exported_is_told_in_one_sentence(run, tmp_path, capsys):
    (tmp_path / "file").touch()
    picture = photograph(tmp_path / "a.png")
    before = files_of(tmp_path)
    for words, sentence in (
        ([run, tmp_path / "a", "--size", "3", "4"], "--size HEIGHT WIDTH goes with --format litert"),
        ([run, tmp_path / "a.tflite", "--format", "litert"], "--size HEIGHT WIDTH goes with --format litert"),
        ([run, tmp_path / "file"], "file cannot be written: File exists"),
        ([run, tmp_path / "a", "--format", "onnx"], "ends in .onnx; received"),
        ([run, tmp_path / "a", "--network", "mae"], "has no trained network 'mae'; it has mse"),
        ([tmp_path / "run" / "networks", tmp_path / "a"], "is not a run folder: it has no config.json"),
        ([picture, tmp_path / "a"], "is not a .keras file, or is damaged: File is not a zip file."),
        ([run, tmp_path / "a", "--max-megapixels", "0"], "--max-megapixels lies in 0.01..1000; received 0"),
    ):
        assert sentence in refusal(capsys, main, ["export", *map(str, words)])
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("data.json", '{"description": 3}'),
        ("data.json", "[]"),
        ("environment.json", "{}"),
        ("scores.csv", "repeat,method,picture,measure,value\n0,input,a,psnr,many\n"),
        ("config.json", json.dumps({**CONFIG, "repeats": 2})),
    ],
)
def test_a_run_whose_files_are_damaged_is_told_in_a_sentence(run, tmp_path, capsys, file, content):
    (run / file).write_text(content)
    assert "files are damaged or of another version: " in refusal(
        capsys, main, ["export", str(run), str(tmp_path / "a")]
    )
    assert list((tmp_path / "a").iterdir()) == []


def test_the_card_says_what_the_intervals_promise_and_what_was_measured(run, tmp_path, capsys):
    coverage = [
        {"by": "all", "group": "all", "pictures": 36, "coverage": 0.892, "low": 0.881, "high": 0.903},
        {"by": "level", "group": "5", "pictures": 36, "coverage": 0.868, "low": 0.85, "high": 0.88},
    ]
    record = {"calibration": {"photographs": 36}, "coverage": coverage}
    network = small(2)
    place = network_folder(run, 2, "mse")
    head = IntervalHead(1, 6, denoiser=fingerprint(network), scale=1.5, record=record)
    Intervals(head, network).save(place / "model-intervals.keras")
    main(["export", str(run), str(tmp_path / "served")])
    assert capsys.readouterr().err == ""
    card = (tmp_path / "served" / "1" / "model_card.md").read_text()
    for line in (
        "measured on 36 others: 89.2 % (88.1 to 90.3).",
        "pictures like those of the calibration, 36 photographs, which bound it to a few per cent. In a single picture",
        "- Coverage measured, level 5: 86.8 %.",
        "- `denoise_with_interval`: `images` float32 (None, None, None, 1) to `denoised`, `lower`, `upper`",
    ):
        assert line in card
    assert "denoise_with_interval" in tf.saved_model.load(str(tmp_path / "served" / "1")).signatures


def test_intervals_of_another_network_are_left_out_and_told(run, tmp_path, capsys):
    other = small(7)
    head = IntervalHead(1, 6, denoiser=fingerprint(other), scale=1.5)
    Intervals(head, other).save(network_folder(run, 2, "mse") / "model-intervals.keras")
    main(["export", str(run), str(tmp_path / "served")])
    told = capsys.readouterr().err
    assert told.startswith(
        "note: it has no signature denoise_with_interval. There are no intervals. The intervals were"
    )
    assert "Intervals" not in (tmp_path / "served" / "1" / "model_card.md").read_text()
