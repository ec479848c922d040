import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_denoise.errors import InputError
from tf_denoise.models import DenseAutoencoder
from tf_denoise.noise import ConstantLevel, MixedLevel, MultiLevel, SaltAndPepper
from training.iterative.experiment import labelled_batches
from training.iterative.lineage import (
    ChainTrainer,
    ancestry,
    chain_batches,
    chain_noises,
    grow_tree,
    to_signed,
    validation_batch,
    validation_noise,
)

DEFAULT = ("0", "25", "mixed", "multi")
CLEAN = np.random.default_rng(0).uniform(-0.9, 0.9, (22, 50)).astype("float32")
GREY = tf.zeros((6, 20_000))


class Times(keras.layers.Layer):
    """A network whose prediction is its input times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(factor))

    def call(self, images):
        return images * self.factor


def inputs_of(images, seed=(3, 4)):
    return {"clean": images, "group": tf.range(len(images)) % 11, "seed": tf.constant(seed, tf.int64)}


def names(depth, children=DEFAULT):
    return [network.name for network in grow_tree(50, children, depth)]


def test_the_default_tree_is_the_two_parents_seven_children_and_a_control_each():
    assert names(1) == [
        "one_level", "one_level/0", "one_level/25", "one_level/mixed", "one_level/control",
        "multi_level", "multi_level/0", "multi_level/25", "multi_level/mixed", "multi_level/multi",
        "multi_level/control",
    ]  # fmt: skip


def test_deeper_trees_repeat_the_step_and_bring_a_control_for_each_depth():
    assert names(0) == ["one_level", "multi_level"]
    assert names(2, ["mixed", "multi"]) == [
        "one_level", "one_level/mixed", "one_level/mixed/mixed", "one_level/control", "one_level/control_x3",
        "multi_level", "multi_level/mixed", "multi_level/mixed/mixed", "multi_level/multi", "multi_level/multi/multi",
        "multi_level/control", "multi_level/control_x3",
    ]  # fmt: skip
    assert names(3, ["7"])[:7] == [
        "one_level", "one_level/7", "one_level/7/7", "one_level/7/7/7",
        "one_level/control", "one_level/control_x3", "one_level/control_x4",
    ]  # fmt: skip


def test_a_network_stands_after_its_parent_and_knows_its_noise():
    tree = grow_tree(30, DEFAULT, 2)
    for index, network in enumerate(tree):
        root = network.name.split("/")[0]
        assert network.noise == {"one_level": "30", "multi_level": "multi"}[root]
        if network.role == "child":
            assert network.parent in [before.name for before in tree[:index]]
            assert network.name == f"{network.parent}/{network.renoise}"
        else:
            assert network.parent is network.renoise is None


def test_a_control_trains_as_long_as_its_whole_chain():
    budgets = {n.name: (n.role, n.trainings) for n in grow_tree(50, ["25"], 3) if n.name.startswith("multi")}
    assert budgets == {
        "multi_level": ("parent", 1),
        "multi_level/25": ("child", 1),
        "multi_level/25/25": ("child", 1),
        "multi_level/25/25/25": ("child", 1),
        "multi_level/control": ("control", 2),
        "multi_level/control_x3": ("control", 3),
        "multi_level/control_x4": ("control", 4),
    }


def test_equal_children_are_one_child_in_the_order_given():
    assert names(1, ["mixed", "25", "025", "mixed", "0"])[:4] == [
        "one_level", "one_level/mixed", "one_level/25", "one_level/0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, ["25"], 1), "--one-level is a percentage from 0 to 100; received -1"),
        ((101, ["25"], 1), "--one-level is a percentage from 0 to 100; received 101"),
        ((50, ["25"], -1), "--depth is 0 or more generations of children; received -1"),
        ((50, ["25", "120"], 1), "--children takes levels in percent from 0 to 100, mixed and multi; received '120'"),
        ((50, ["blurred"], 1), "mixed and multi; received 'blurred'"),
    ],
)
def test_a_tree_that_cannot_grow_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        grow_tree(*arguments)


def test_ancestry_runs_from_the_root_to_the_network_itself():
    tree = grow_tree(50, ["25", "0"], 3)
    by_name = {network.name: network for network in tree}
    chain = ancestry(by_name["multi_level/25/25/25"], tree)
    assert [n.name for n in chain] == ["multi_level", "multi_level/25", "multi_level/25/25", "multi_level/25/25/25"]
    for alone in ("multi_level", "multi_level/control_x3"):
        assert ancestry(by_name[alone], tree) == [by_name[alone]]


def test_a_chain_has_the_noise_of_its_members():
    tree = {n.name: n for n in grow_tree(30, ["0", "25", "multi"], 2)}

    def schedules(name):
        noises = chain_noises(ancestry(tree[name], list(tree.values())))
        return [noise and noise.schedule.get_config() for noise in noises]

    multi = MultiLevel().get_config()
    assert schedules("one_level") == [{"level": 0.3}]
    assert schedules("one_level/25/25") == [{"level": 0.3}, {"level": 0.25}, {"level": 0.25}]
    assert schedules("one_level/0/0") == [{"level": 0.3}, None, None]
    assert schedules("multi_level/multi") == [multi, multi]
    assert schedules("multi_level/control") == [multi]


def test_validation_is_mixed_for_a_parent_of_one_level():
    assert [validation_noise(noise) for noise in ("50", "0", "multi")] == ["mixed", "mixed", "multi"]


def test_bytes_become_images_in_minus_one_to_one():
    signed = to_signed(np.array([[0, 255, 127, 128]], "uint8"))
    assert signed.dtype == "float32"
    np.testing.assert_allclose(signed, [[-1, 1, -1 / 255, 1 / 255]], atol=1e-6)


def test_a_parent_sees_noisy_images_and_other_noise_in_validation():
    trainer = ChainTrainer(Times(1.0), [], [SaltAndPepper(1.0)], SaltAndPepper(ConstantLevel(0.3)))
    assert np.mean(trainer.chain_input(inputs_of(GREY), training=True) != 0) == pytest.approx(2 / 3, abs=0.01)
    assert np.mean(trainer.chain_input(inputs_of(GREY), training=False) != 0) == pytest.approx(0.2, abs=0.01)
    expected = SaltAndPepper(1.0).corrupt(GREY, (3, 4))
    np.testing.assert_array_equal(trainer.chain_input(inputs_of(GREY), training=True), expected)


def test_a_child_sees_its_parents_prediction_renoised():
    trainer = ChainTrainer(Times(1.0), [Times(0.5)], [SaltAndPepper(0.6), SaltAndPepper(0.3)], SaltAndPepper(0.0))
    seen = trainer.chain_input(inputs_of(GREY), training=True).numpy()
    # Halved noise of the first stage is what the second stage, a fifth of the pixels, has left.
    assert set(np.unique(seen)) == {-1, -0.5, 0, 0.5, 1}
    assert np.mean(np.abs(seen) == 1) == pytest.approx(0.2, abs=0.01)
    assert np.mean(np.abs(seen) == 0.5) == pytest.approx(0.4 * 0.8, abs=0.01)
    validated = trainer.chain_input(inputs_of(GREY), training=False).numpy()
    assert set(np.unique(validated)) == {-1, 0, 1}  # the first stage is replaced, the second is renoised alike
    assert np.mean(validated != 0) == pytest.approx(0.2, abs=0.01)


def test_a_child_0_sees_its_parents_prediction_as_it_is():
    trainer = ChainTrainer(Times(1.0), [Times(0.5)], [SaltAndPepper(0.6), None], SaltAndPepper(MixedLevel()))
    expected = 0.5 * SaltAndPepper(0.6).corrupt(GREY, (3, 4)).numpy()
    np.testing.assert_array_equal(trainer.chain_input(inputs_of(GREY), training=True), expected)


def test_every_ancestor_is_passed_in_order_with_noise_of_its_own():
    full = SaltAndPepper(1.0)
    trainer = ChainTrainer(Times(1.0), [Times(0.5), Times(0.25)], [full, full, full], full)
    seen = np.abs(trainer.chain_input(inputs_of(GREY), training=True).numpy())
    last, middle, first = (np.mean(seen == value) for value in (1, 0.25, 0.125))
    # Each stage replaces two thirds of what the one before it left, wherever that was.
    np.testing.assert_allclose([last, middle, first], [2 / 3, 2 / 9, 2 / 27], atol=0.01)
    assert np.mean(seen == 0) == pytest.approx(1 / 27, abs=0.005)


def test_multi_noise_follows_the_group_in_both_stages():
    grey = tf.zeros((11, 20_000))
    trainer = ChainTrainer(Times(1.0), [Times(0.5)], [SaltAndPepper(MultiLevel())] * 2, SaltAndPepper(MultiLevel()))
    renoised = np.mean(np.abs(trainer.chain_input(inputs_of(grey), training=True)) == 1, axis=1)
    np.testing.assert_allclose(renoised, np.arange(11) / 15, atol=0.02)


def test_the_target_is_clean_and_batches_go_on_at_any_step():
    def batches(start, count):
        return list(chain_batches(CLEAN, "multi", 8, seed=1, start_step=start).take(count))

    for (inputs, target), (again, _) in zip(batches(0, 6)[4:], batches(4, 2), strict=True):
        np.testing.assert_array_equal(inputs["clean"], target)
        for key in inputs:
            np.testing.assert_array_equal(inputs[key], again[key])
    drawn = [(inputs["clean"].numpy(), inputs["group"].numpy()) for inputs, _ in batches(0, 31)]
    places = [(image.tobytes(), group) for images, groups in drawn for image, group in zip(images, groups, strict=True)]
    assert len(set(places[: 22 * 11])) == 22 * 11  # a pass holds each image once per group
    assert len({tuple(inputs["seed"].numpy()) for inputs, _ in batches(0, 6)}) == 6


def test_validation_is_one_batch_that_is_the_same_every_time():
    data = validation_batch(CLEAN, "multi", seed=5)
    (inputs, target), (again, _) = next(iter(data)), next(iter(data))
    np.testing.assert_array_equal(target, CLEAN)
    np.testing.assert_array_equal(inputs["group"], np.arange(22) % 11)
    np.testing.assert_array_equal(inputs["seed"], again["seed"])
    assert len(list(data)) == 1


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_fit_trains_the_network_and_leaves_its_ancestors_frozen(policy):
    keras.config.set_dtype_policy(policy)
    parent, network = DenseAutoencoder(50, (8,)), DenseAutoencoder(50, (8,))
    keras.config.set_dtype_policy("float32")
    trainer = ChainTrainer(network, [parent], [SaltAndPepper(0.5), SaltAndPepper(0.25)], SaltAndPepper(MixedLevel()))
    before = [[w.numpy() for w in model.weights] for model in (parent, network)]
    trainer.compile(keras.optimizers.Adam(0.01), "mse")
    history = trainer.fit(
        chain_batches(CLEAN, "50", 22, seed=0),
        steps_per_epoch=10,
        epochs=3,
        validation_data=validation_batch(CLEAN, "mixed", 1),
        shuffle=False,
        verbose=0,
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert len(history["val_loss"]) == 3
    for old, new in zip(before[0], parent.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    assert all(np.any(old != new.numpy()) for old, new in zip(before[1], network.weights, strict=True))
    assert [id(v) for v in trainer.trainable_variables] == [id(v) for v in network.trainable_variables]


def test_every_device_of_a_host_sees_the_whole_batches_of_the_classifier():
    labels = tf.range(len(CLEAN))
    whole, twice = (
        list(labelled_batches(CLEAN, labels, 4, seed=1, start_step=3, devices=devices).take(3 * devices))
        for devices in (1, 2)
    )
    for number, (images, found) in enumerate(twice):
        np.testing.assert_array_equal(images, whole[number // 2][0])
        np.testing.assert_array_equal(found, whole[number // 2][1])
