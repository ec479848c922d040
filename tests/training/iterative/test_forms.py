"""Second stages of other forms: their names, their beginning, their cost, and a run that trains them."""

import csv
import json
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import EPOCH_DRAWS, command_line, mortal, refusal
from network_checks import with_random_weights

import evaluation.digits.figures
import training.iterative.experiment
from evaluation.digits.test_sets import TEST_SETS, noisy_test_set
from tf_denoise.chain import beside, refine
from tf_denoise.data.digits import load_digits
from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder, RefiningAutoencoder, TwoStageAutoencoder
from tf_denoise.noise import SaltAndPepper, level_schedule
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.seeds import derive_seed
from training.iterative.__main__ import main
from training.iterative.forms import begin_as, begin_with, read_form, read_forms
from training.iterative.lineage import ChainTrainer, grow_tree, total_trainings
from training.iterative.options import IterativeOptions
from training.iterative.sizes import chain_multiply_adds, multiply_adds, units_of

NOISY, PREDICTION = np.random.default_rng(0).uniform(-1, 1, (2, 6, 20)).astype("float32")
FORMS = ("both-25", "continued", "sos-together", "twice")
CHANGES = {
    "forms": FORMS, "controls": ("wide", "restarted"), "depth": "0", "parents": "multi_level", "epochs": "1",
    "tsne_points": "0", "children": None,
}  # fmt: skip
NETWORKS = [
    "multi_level", "multi_level/both-25", "multi_level/continued", "multi_level/sos", "multi_level/sos-together",
    "multi_level/twice", "multi_level/control", "multi_level/control_wide", "multi_level/control_restarted",
    "multi_level/control_x3", "multi_level/control_x3_wide", "multi_level/control_x3_restarted",
]  # fmt: skip


DRAWN: list[tuple[str, str]] = []
"""The networks of the answer's figure in `form_run`, each with what it is held against."""


@pytest.fixture(scope="module")
def form_run(tmp_path_factory, tiny_npz):
    """A finished run with second stages of other forms, and the peak rates of its trainings in their order."""
    folder = tmp_path_factory.mktemp("forms") / "run"
    rates = []
    against = evaluation.digits.figures.against_controls
    compile_ = training.iterative.experiment._compile
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.iterative.experiment, "EPOCH_DRAWS", EPOCH_DRAWS)
        patch.setattr(
            evaluation.digits.figures, "against_controls", lambda *words: DRAWN.extend(words[1]) or against(*words)
        )
        patch.setattr(
            training.iterative.experiment, "_compile", lambda *words: rates.append(words[4]) or compile_(*words)
        )
        main(command_line(tiny_npz, folder, **CHANGES))
    return folder, rates


def tree_of(*forms, controls=(), **options):
    return grow_tree(50, [], 0, forms, controls, **options)


def test_a_form_stands_below_each_parent_with_the_controls_of_its_training():
    assert [n.name for n in tree_of("both", "both-together", controls=["wide", "deep"])][:9] == [
        "one_level", "one_level/both", "one_level/both-together",
        "one_level/control", "one_level/control_wide", "one_level/control_deep",
        "one_level/control_x3", "one_level/control_x3_wide", "one_level/control_x3_deep",
    ]  # fmt: skip
    tree = tree_of(*FORMS, controls=["wide", "restarted"], parents=["multi_level"])
    assert [network.name for network in tree] == NETWORKS
    assert {n.name.split("/")[1]: total_trainings(n, tree) for n in tree[1:]} == {
        "both-25": 2, "continued": 2, "sos": 2, "sos-together": 3, "twice": 2,
        "control": 2, "control_wide": 2, "control_restarted": 2,
        "control_x3": 3, "control_x3_wide": 3, "control_x3_restarted": 3,
    }  # fmt: skip


def test_controls_that_are_named_twice_are_trained_once():
    once, twice = (
        tree_of("both", controls=controls, parents=["multi_level"]) for controls in (["wide"], ["wide", "wide"])
    )
    assert twice == once


def test_the_tree_of_the_original_study_is_what_it_was():
    plain = grow_tree(50, ["0", "25"], 2)
    kept = [n for n in grow_tree(50, ["0", "25"], 2, ["both-together"], ["wide"]) if n.form is None and n.size is None]
    assert kept == plain


def test_what_is_renoised_at_the_level_of_the_group_needs_groups():
    names = [network.name for network in tree_of("both-multi")]
    assert "multi_level/both-multi" in names
    assert "one_level/both-multi" not in names


def test_what_is_trained_together_is_trained_alone_before():
    assert [form.name for form in read_forms(["both-together", "both", "sos-together", "both-0", "both-025"])] == [
        "both", "both-together", "sos", "sos-together", "both-25",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["", "both-", "both-101", "both-together-25", "twice-25", "twice-together", "child"])
def test_a_word_that_is_no_form_is_refused(word):
    message = r"--forms takes both, continued, sos, correction, twice, twice-both; .* received '" + word + "'"
    with pytest.raises(InputError, match=message) as refused:
        read_form(word)
    assert len(str(refused.value)) <= 300


def test_controls_without_forms_and_no_parents_are_refused(capsys, tmp_path, tiny_npz):
    error = refusal(capsys, main, command_line(tiny_npz, tmp_path / "run", controls="wide"))
    assert "--controls goes with --forms" in error
    error = refusal(capsys, main, command_line(tiny_npz, tmp_path / "run", parents=()))
    assert "--parents takes 1 or more values; received none." in error
    error = refusal(capsys, main, command_line(tiny_npz, tmp_path / "run", forms="thrice"))
    assert "received 'thrice'" in error
    assert not (tmp_path / "run").exists()


def test_both_controls_come_with_forms_unless_some_are_named():
    assert IterativeOptions(forms=("both",)).resolved().controls == ("wide", "deep")
    assert IterativeOptions(forms=("both",), controls=("deep",)).resolved().controls == ("deep",)
    assert IterativeOptions(forms=("both",), controls=()).resolved().controls == ()
    assert IterativeOptions().resolved().controls == ()


def test_a_continued_stage_begins_as_its_parent():
    parent = with_random_weights(DenseAutoencoder(20, (8, 4)))
    stage = with_random_weights(RefiningAutoencoder(20, (8, 4)), seed=1)
    begin_as(stage, parent)
    np.testing.assert_allclose(refine(stage, NOISY, PREDICTION), parent(NOISY), atol=1e-6)
    np.testing.assert_array_equal(refine(stage, NOISY, PREDICTION), refine(stage, NOISY, -PREDICTION))


def test_a_restarted_control_begins_as_its_parent_and_as_long_as_a_chain_as_the_one_before():
    parent, control = with_random_weights(DenseAutoencoder(20, (8, 4))), DenseAutoencoder(20, (8, 4))
    begin_as(control, parent)
    np.testing.assert_array_equal(control(NOISY), parent(NOISY))
    tree = {n.name: n for n in tree_of("both-together", controls=["restarted"], parents=["multi_level"])}
    assert tree["multi_level/control_restarted"].begins == "multi_level"
    assert tree["multi_level/control_x3_restarted"].begins == "multi_level/control_restarted"
    assert (
        chain_multiply_adds(tree["multi_level/control_x3_restarted"], list(tree.values()), 20, (8, 4))
        == 20 * 8 + 32 + 80
    )


def test_stages_trained_together_begin_as_the_chain():
    parent, stage = with_random_weights(DenseAutoencoder(20, (8,))), RefiningAutoencoder(20, (8,), "sos")
    with_random_weights(stage, seed=1)
    together = TwoStageAutoencoder(20, (8,), "sos")
    begin_with(together, parent, stage)
    np.testing.assert_allclose(together(NOISY), refine(stage, NOISY, parent(NOISY)), atol=1e-6)


def test_a_stage_that_sees_both_sees_the_digit_as_its_parent_saw_it():
    class Seen(keras.layers.Layer):
        sees_both = True

        def call(self, images):
            return images

    half = keras.layers.Lambda(lambda images: images / 2)
    clean = tf.zeros((6, 20_000))
    inputs = {"clean": clean, "group": tf.range(6), "seed": tf.constant([3, 4], tf.int64)}
    for noise in (None, SaltAndPepper(0.3)):
        trainer = ChainTrainer(Seen(), [half], [SaltAndPepper(0.6), noise], SaltAndPepper(0.0))
        noisy, prediction = np.split(trainer.chain_input(inputs, training=True).numpy(), 2, axis=1)
        expected = SaltAndPepper(0.6).corrupt(clean, (3, 4)).numpy()
        np.testing.assert_array_equal(noisy, expected)
        changed = prediction != expected / 2
        assert np.mean(changed) == pytest.approx(0 if noise is None else 0.2, abs=0.01)
        assert np.all(np.abs(prediction[changed]) == 1)


def test_multiply_adds_are_the_weights_of_the_kernels():
    tree = {n.name: n for n in tree_of("both", "sos", "twice", "both-together", controls=["wide", "deep"])}
    members = list(tree.values())

    def kernels(*models):
        return sum(int(np.prod(w.shape)) for model in models for w in model.weights if len(w.shape) == 2)

    def cost(name):
        return chain_multiply_adds(tree[f"multi_level/{name}"], members, 20, (8, 4))

    parent = DenseAutoencoder(20, (8, 4))
    assert multiply_adds(20, (8, 4)) == kernels(parent)
    assert cost("both") == kernels(parent, RefiningAutoencoder(20, (8, 4)))
    assert cost("sos") == kernels(parent, RefiningAutoencoder(20, (8, 4), "sos"))
    assert cost("both-together") == kernels(TwoStageAutoencoder(20, (8, 4), "both")) == cost("both")
    assert cost("twice") == 2 * kernels(parent)
    assert cost("control") == kernels(parent)


@pytest.mark.parametrize("hidden_units", [(512, 256, 512), (16,), (7, 300)])
def test_a_sized_control_costs_what_the_dearest_chain_costs(hidden_units):
    tree = tree_of("sos", "both", "twice", controls=["wide", "deep"], parents=["multi_level"])
    target = chain_multiply_adds(tree[2], tree, 784, hidden_units)
    assert tree[2].name == "multi_level/both"
    for network in tree[-2:]:
        units = units_of(network, tree, 784, hidden_units)
        assert len(units) == len(hidden_units) * (2 if network.size == "deep" else 1)
        found = multiply_adds(784, units)
        assert target <= found <= 1.06 * target
        assert found == chain_multiply_adds(network, tree, 784, hidden_units)


@pytest.mark.slow
def test_every_network_of_the_run_is_trained_at_its_rate(form_run):
    folder, rates = form_run
    assert [network["name"] for network in read_json(folder / "networks.json")] == NETWORKS
    assert rates == [
        1e-3,
        3e-3,
        3e-3,
        1e-3,
        3e-3,
        1e-3,
        3e-3,
        3e-3,
        3e-3,
        1e-3,
        3e-3,
        3e-3,
        1e-3,
    ]  # the classifier first
    for name in NETWORKS:
        record = read_json(network_folder(folder, 1, name) / "training.json")
        assert np.all(np.isfinite([*record["history"]["loss"], *record["history"]["val_loss"]]))
        assert len(record["history"]["loss"]) == {"twice": 2, "control": 2, "control_wide": 2}.get(
            name.rpartition("/")[2], 3 if "x3" in name and "restarted" not in name else 1
        )


@pytest.mark.slow
def test_the_run_is_described_and_one_without_forms_is_described_as_before(form_run, tiny_run):
    config = read_json(form_run[0] / "config.json")
    assert (config["forms"], config["controls"], config["parents"]) == (
        list(FORMS),
        ["wide", "restarted"],
        ["multi_level"],
    )
    assert not {"forms", "controls", "parents", "continued_learning_rate"} & set(read_json(tiny_run / "config.json"))
    stored = {n["name"].split("/")[-1]: n for n in read_json(form_run[0] / "networks.json")}
    assert stored["both-25"]["multiply_adds"] == 784 * 16 * 5
    assert stored["control_wide"]["hidden_units"] == [40]
    assert stored["control_wide"]["multiply_adds"] == 784 * 40 * 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["both-25", "continued", "sos", "sos-together", "twice"])
def test_a_chain_is_what_is_loaded_scored_and_recorded(form_run, tiny_npz, name):
    folder, digits = form_run[0], load_digits(str(tiny_npz))
    name = f"multi_level/{name}"
    parent, own = (load_network(network_folder(folder, 1, n)) for n in ("multi_level", name))
    loaded = load_for_use(folder, name)

    def by_hand(noisy):
        if "twice" in name or "together" in name:
            return own(noisy).numpy()
        return own(beside(noisy, parent(noisy))).numpy()

    clean = tf.cast(digits.x_test, tf.float32) / 127.5 - 1
    noisy = noisy_test_set(clean, "70%", 0)[0]
    np.testing.assert_allclose(loaded.model(noisy), by_hand(noisy), atol=1e-5)
    rows = json.loads((folder / "scores.json").read_text())
    place = {"network": name, "test_set": "70%", "measure": "mse", "rounded": False, "renoised": False}
    [found] = [row["value"] for row in rows if place.items() <= row.items()]
    assert found == pytest.approx(np.mean((by_hand(noisy) - clean) ** 2) / 4, rel=1e-4)

    held_out = tf.constant(digits.x_validation.astype("float32") / 127.5 - 1)
    seed = (derive_seed(read_json(folder / "config.json")["seed"], "validation"), 0)
    noisy = SaltAndPepper(level_schedule("mixed")).corrupt(held_out, seed)
    record = read_json(network_folder(folder, 1, name) / "training.json")
    assert record["validation_mse"] == pytest.approx(np.mean((by_hand(noisy) - held_out) ** 2), rel=1e-4)


@pytest.mark.slow
def test_what_was_renoised_in_training_is_scored_renoised_too(form_run):
    with open(form_run[0] / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["network"] for row in rows if row["renoised"] == "True"} == {"multi_level/both-25"}
    assert {row["network"] for row in rows} == {"input", *NETWORKS}
    assert {row["test_set"] for row in rows} == set(TEST_SETS)


@pytest.mark.slow
def test_the_figure_of_the_answer_shows_every_control_against_one_of_equal_training(form_run):
    below = "multi_level/control"
    controls = [pair for pair in DRAWN if "control" in pair[0]]
    assert controls == [
        (f"{below}_wide", below), (f"{below}_restarted", below),
        (f"{below}_x3_wide", f"{below}_x3"), (f"{below}_x3_restarted", f"{below}_x3"),
    ]  # fmt: skip


@pytest.mark.slow
def test_the_report_has_a_finding_on_every_form(form_run):
    report = (form_run[0] / "report.html").read_text()
    for words in ("Sees both, renoised 25", "Sees both, begins as parent", "SOS", "SOS, trained together"):
        assert f"{words}: it beats one network of equal training" in report
    assert "Multi-level: against wider control" in report
    assert "Multi-level: against wider control of 3 trainings" in report
    assert "Multi-level: against restarted control" in report
    assert "The second network refines the first" not in report  # no child of the original study was trained
    assert "Renoising the parent&#39;s prediction at evaluation hurts" in report
    assert "1 epochs" not in report


@pytest.mark.slow
@pytest.mark.process
def test_a_killed_run_with_forms_ends_in_the_same_bits(form_run, tiny_npz, tmp_path):
    folder, arguments = tmp_path / "killed", command_line(tiny_npz, tmp_path / "killed", **CHANGES)
    start = f"""
import training.iterative.experiment, training.iterative.__main__
training.iterative.experiment.EPOCH_DRAWS = {EPOCH_DRAWS}
training.iterative.__main__.main(arguments)
"""
    for place in ("continued/training.json", "sos-together/state.npz", "twice/state-previous.npz"):
        result = mortal(start, place, 1, *arguments)
        assert result.returncode == -signal.SIGKILL, (place, result.stdout, result.stderr)
    result = mortal(start, "never", 1, *arguments)
    assert result.returncode == 0, result.stderr
    for name in NETWORKS:
        found, expected = (load_network(network_folder(run, 1, name)).weights for run in (folder, form_run[0]))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert (folder / "scores.csv").read_bytes() == (form_run[0] / "scores.csv").read_bytes()
