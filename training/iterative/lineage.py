"""Parents, children and controls: which networks an experiment has, and what each of them learns from."""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_denoise.chain import refine, seen_by
from tf_denoise.data import draw_batch
from tf_denoise.data.shares import WHOLE, Share
from tf_denoise.errors import InputError
from tf_denoise.noise import SaltAndPepper, level_schedule
from tf_denoise.tiling.exact import exact_float32
from training.iterative.forms import Form, read_forms

ROOTS = ("one_level", "multi_level")
"""The two parents."""
RESTARTED = "restarted"


@dataclasses.dataclass(frozen=True)
class Network:
    """One network of the tree.

    Attributes:
        name: Path in the tree, such as `multi_level/25`.
        role: `parent`, `child`, `control`, or `stages` for two stages in one network.
        noise: Schedule of the noise on the clean digits, as `tf_denoise.noise.level_schedule` reads it.
        parent: Name of the network whose predictions this one learns from; `None` if it learns from noisy digits.
        renoise: Schedule of the noise on the parent's predictions; `0` leaves them as they are.
        trainings: How many trainings of one network its own training amounts to.
        form: What a second stage does with the digit and the prediction, as `training.iterative.forms` says; `None` for
            the plain autoencoder of the original study.
        begins: Name of the network whose weights it begins with; `None` if it begins with random ones.
        size: Of a control that costs as many multiply-adds as a chain: `wide` or `deep`.
    """

    name: str
    role: str
    noise: str
    parent: str | None = None
    renoise: str | None = None
    trainings: int = 1
    form: str | None = None
    begins: str | None = None
    size: str | None = None

    @property
    def root(self) -> str:
        """Name of the parent at the root of its branch."""
        return self.name.split("/")[0]


def grow_tree(
    one_level: int,
    children: Sequence[str],
    depth: int,
    forms: Sequence[str] = (),
    controls: Sequence[str] = (),
    parents: Sequence[str] = ROOTS,
) -> list[Network]:
    """All networks of one repeat, each after those that it learns from.

    A child of a child is renoised as its parent was. For each total of training there is a control: a single network
    that trains as long as the whole chain.

    Args:
        one_level: Level of the one-level parent in percent.
        children: Renoising of the children: levels in percent, `mixed`, `multi` (of the multi-level parent only).
        depth: Generations below the parents.
        forms: Second stages of other forms, as `training.iterative.forms.read_form` reads them.
        controls: Further controls for these: `wide` and `deep` cost as many multiply-adds, too; `restarted` begins as
            the parent, and where the chain has three trainings as the restarted control of two.
        parents: Which of the two parents are trained.

    Raises:
        InputError: If a level lies outside 0..100, a child or a form is unknown, or `depth` is negative.

    Example:
        >>> [network.name for network in grow_tree(50, ["25"], depth=1)][:3]
        ['one_level', 'one_level/25', 'one_level/control']
        >>> [network.name for network in grow_tree(50, [], 0, ["both", "twice"], ["wide"], ["multi_level"])]
        ['multi_level', 'multi_level/both', 'multi_level/twice', 'multi_level/control', 'multi_level/control_wide']
    """
    if not 0 <= one_level <= 100:
        raise InputError(f"--one-level is a percentage from 0 to 100; received {one_level}.")
    if depth < 0:
        raise InputError(f"--depth is 0 or more generations of children; received {depth}.")
    for child in children:
        try:
            level_schedule(child)
        except InputError:
            raise InputError(
                f"--children takes levels in percent from 0 to 100, mixed and multi; received {child!r}."
            ) from None
    read = read_forms(forms)
    tree = []
    for root, noise in ((root, {"one_level": str(one_level), "multi_level": "multi"}[root]) for root in ROOTS):
        if root not in parents:
            continue
        branch = [Network(root, "parent", noise)]
        for child in dict.fromkeys(child if child in ("mixed", "multi") else str(int(child)) for child in children):
            if child == "multi" and noise != "multi":
                continue
            name = root
            for _ in range(depth):
                parent, name = name, f"{name}/{child}"
                branch.append(Network(name, "child", noise, parent, child))
        others = [_second_stage(form, root, noise) for form in read if form.renoise != "multi" or noise == "multi"]
        budgets = {total_trainings(network, [*branch, *others]) for network in others}
        tree += branch + others
        for total in sorted({*range(2, depth + 2), *budgets}):
            suffix = "" if total == 2 else f"_x{total}"
            tree.append(Network(f"{root}/control{suffix}", "control", noise, trainings=total))
            for kind in dict.fromkeys(controls) if total in budgets else ():
                name = f"{root}/control{suffix}_{kind}"
                if kind == RESTARTED:
                    begins = root if total == 2 else f"{root}/control_{RESTARTED}"
                    tree.append(Network(name, "control", noise, begins=begins))
                else:
                    tree.append(Network(name, "control", noise, trainings=total, size=kind))
    return tree


def _second_stage(form: Form, root: str, noise: str) -> Network:
    """The network of a form below a parent."""
    name = f"{root}/{form.name}"
    if form.together:
        return Network(name, "stages", noise, form=form.stage, begins=f"{root}/{form.alone}")
    if form.is_shared:
        return Network(name, "stages", noise, trainings=2, form=form.stage)
    begins = root if form.begins_as_parent else None
    return Network(name, "child", noise, root, form.renoise, form=form.stage, begins=begins)


def total_trainings(network: Network, tree: Sequence[Network]) -> int:
    """How many trainings of one network it takes to get a network, those of the networks before it included.

    Example:
        >>> tree = grow_tree(50, ["25"], 1, ["both-together"], parents=["multi_level"])
        >>> {network.name: total_trainings(network, tree) for network in tree[:4]}
        {'multi_level': 1, 'multi_level/25': 2, 'multi_level/both': 2, 'multi_level/both-together': 3}
    """
    before = network.parent or network.begins
    if before is None:
        return network.trainings
    by_name = {member.name: member for member in tree}
    return network.trainings + total_trainings(by_name[before], tree)


def ancestry(network: Network, tree: Sequence[Network]) -> list[Network]:
    """The chain from the parent at the root down to `network` itself."""
    by_name = {member.name: member for member in tree}
    chain = [network]
    while chain[0].parent is not None:
        chain.insert(0, by_name[chain[0].parent])
    return chain


def to_signed(images) -> tf.Tensor:
    """Images uint8 in 0..255 as float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


class ChainTrainer(keras.Model):
    """Trains one network on what its ancestors make of noisy images.

    The noise and the ancestors' predictions are made inside the training step, anew for every batch: nothing is
    materialised for the whole set. The ancestors are frozen.

    Args:
        network: The autoencoder to train.
        ancestors: The chain above it, from the root down; empty for a parent or a control.
        noises: The noise before the first network of the chain and before each one after it, `None` for none:
            one more than there are ancestors.
        validation_noise: What stands in for `noises[0]` in validation.
        whole: Images in a batch of all devices that train together, where they are several; each makes the noise of
            the whole batch and takes its own part, so that the batch stays what it is on one.

    Call arguments:
        inputs: `{"clean": float32 (batch, size) in [-1, 1], "group": int32 (batch,), "seed": int64 (2,), "first":
            int64 ()}`, the place of the first image in the whole batch.

    Output shape:
        `(batch, size)`
    """

    def __init__(
        self,
        network: keras.Model,
        ancestors: Sequence[keras.Model],
        noises: Sequence[SaltAndPepper | None],
        validation_noise: SaltAndPepper,
        whole: int | None = None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # noise is made in float32; each network casts for itself
        for ancestor in ancestors:
            ancestor.trainable = False
        self.network, self.ancestors, self.noises = network, list(ancestors), list(noises)
        self.validation_noise, self.whole = validation_noise, whole
        self.built = True

    def call(self, inputs, training=None):
        """The network's prediction for noise made from `inputs["seed"]`."""
        return self.network(self.chain_input(inputs, training), training=training)

    def chain_input(self, inputs, training=None) -> tf.Tensor:
        """What the network itself sees."""
        seed, images = inputs["seed"], inputs["clean"]
        first = self.noises[0] if training else self.validation_noise
        noisy = None
        for stage, noise in enumerate([first, *self.noises[1:]]):
            if stage:
                images = refine(self.ancestors[stage - 1], noisy, images)
            if noise is not None:  # a stage uses two seeds, one for the pixels and one for the levels
                own = seed + tf.constant([2 * stage, 0], tf.int64)
                if training and self.whole is not None:
                    images = _corrupt_part(noise, images, own, inputs["group"], inputs["first"], self.whole)
                else:
                    images = noise.corrupt(images, own, inputs["group"])
            noisy = images if noisy is None else noisy  # a second stage that sees the digit sees it without new noise
        return seen_by(self.network, noisy, images)


def _corrupt_part(noise: SaltAndPepper, images, seed, groups, first, whole: int) -> tf.Tensor:
    """The noise that images of a batch of `whole` get from place `first` on."""
    count = tf.shape(images, out_type=tf.int64)[0]
    before_and_after = [first, whole - first - count]
    every = noise.corrupt(tf.pad(images, [before_and_after, [0, 0]]), seed, tf.pad(groups, [before_and_after]))
    return every[first : first + count]


def chain_noises(chain: Sequence[Network]) -> list[SaltAndPepper | None]:
    """The noise before each network of a chain."""
    tokens = [chain[0].noise, *(network.renoise for network in chain[1:])]
    return [None if token == "0" else SaltAndPepper(level_schedule(token)) for token in tokens]


def validation_noise(noise: str) -> str:
    """Schedule of the noise on the validation digits: mixed for a parent of one level, else as in training."""
    return "multi" if noise == "multi" else "mixed"


def chain_batches(
    clean, noise: str, batch_size: int, seed: int, start_step: int = 0, share: Share = WHOLE
) -> tf.data.Dataset:
    """The endless batches `(inputs, target)` of a `ChainTrainer`; a batch depends on (seed, step) alone.

    Args:
        clean: Float32 array `(images, size)` in [-1, 1].
        noise: Schedule of the root's noise; it says how often the set of images stands.
        batch_size: Images per batch.
        seed: Integer seed of order and noise.
        start_step: Number of the first batch.
        share: The part of each batch that this host makes; defaults to all of it.
    """
    clean = tf.convert_to_tensor(clean)
    groups = level_schedule(noise).groups
    size = batch_size // share.of

    def batch(step, first):
        index, group = draw_batch(step, batch_size, len(clean), groups, seed)
        index, group = index[first : first + size], group[first : first + size]
        target = tf.gather(clean, index)
        key = tf.stack([tf.constant(seed, tf.int64), step])
        return {"clean": target, "group": group, "seed": key, "first": first}, target

    return share.steps_and_rows(start_step, batch_size).map(batch, num_parallel_calls=1).prefetch(32)


def validation_batch(clean, noise: str, seed: int) -> tf.data.Dataset:
    """All held-out images as one batch of a `ChainTrainer`, with noise that is the same every time.

    Args:
        clean: Float32 array `(images, size)` in [-1, 1].
        noise: Schedule of the root's noise; images are dealt to its groups in turn.
        seed: Integer seed of the noise.
    """
    groups = tf.range(len(clean)) % level_schedule(noise).groups
    key = tf.constant([seed, 0], tf.int64)
    inputs = {"clean": clean, "group": groups, "seed": key, "first": tf.constant(0, tf.int64)}
    return tf.data.Dataset.from_tensors((inputs, clean))


def chain_mse(network: keras.Model, ancestors: Sequence[keras.Model], clean: tf.Tensor, seed: int) -> float:
    """The mean squared error of a chain as it is used: mixed noise before it, no renoising within it.

    Children are validated behind renoised predictions, and networks of one and of many levels behind different noise;
    this number is of the same noisy images for all, so that the best can be chosen by it.

    Args:
        network: The last network of the chain.
        ancestors: Those before it, from the root down.
        clean: Float32 images `(images, size)` in [-1, 1].
        seed: Integer seed of the noise.
    """
    images = noisy = SaltAndPepper(level_schedule("mixed")).corrupt(clean, tf.constant([seed, 0], tf.int64))
    with exact_float32():
        for member in (*ancestors, network):
            images = refine(member, noisy, images)
        return float(tf.reduce_mean(tf.square(tf.cast(images, tf.float32) - clean)))
