"""What `python -m training.textures` does: train a network for every loss and repeat, then score and report."""

import functools
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from evaluation.metrics import psnr
from evaluation.textures.folder import NEXT_PLANE, data_places, evaluate_folder
from evaluation.textures.noisy_only import METHODS, clean_partners, with_clean
from tf_denoise.data.changes import changes_in_words
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.parts import DATA_FILE, Parts
from tf_denoise.errors import InputError
from tf_denoise.fitting.loop import fit, train
from tf_denoise.fitting.optimizer import averaging_adam
from tf_denoise.hosts.hosts import Hosts, this_host
from tf_denoise.models import UNet
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.noise.described import make_noise
from tf_denoise.noise.found import FoundNoise
from tf_denoise.noise.ladder import noise_ladder
from tf_denoise.pictures.files import PictureError
from tf_denoise.runs.folder import BUDGET_FILE, CONFIG_FILE, RECORD_FILE, check_run_folder, network_folder, read_json
from tf_denoise.runs.writing import write_json
from tf_denoise.seeds import derive_seed
from tf_denoise.tiling import TiledDenoiser
from training.runner import Job, log_folder, running, title, train_jobs
from training.setting import check_precision, precision
from training.textures.budget import JUDGEMENTS, Timing, measure_budget
from training.textures.choices import make_loss, make_network
from training.textures.judging import Judge
from training.textures.noisy_only import Lesson, choose_lesson, looked_at
from training.textures.options import TextureOptions
from training.textures.start import Denoiser, check_colours, keep_start, load_start, place_of
from training.textures.twins import MOTION_WARNING, check_clean_partners

_CLEAN_LOOKED_AT = 8
PLACES = ("data", "clean", "noisy", "noisy_twin", "validation", "test", "test_clean")
"""The options that name folders: a run goes on where they were moved together with it."""
JUDGED_SIDE = 192
"""A judgement sees the centre of each validation photograph, no wider and no higher than this, at every noise level:
24 photographs at 3 levels are three million pixels, whole ones of 512 x 512 nineteen."""
GREY_SHARE = 0.25
"""Of the crops in colour that are made grey, for the noise of cameras: many files store a grey picture in colour."""
FALL = 3.0
"""A training whose validation PSNR lies so many dB below its best is led back to it."""
_TIMED_STEPS = 8


def run_textures(options: TextureOptions, hosts: Hosts | None = None) -> None:
    """Train what is not trained yet, score everything and write the report.

    Args:
        options: The options, resolved.
        hosts: The hosts that train together; defaults to this one. The chief writes the run folder, and scores.

    Raises:
        InputError: If the data or the output folder is not what it should be.
    """
    hosts = this_host() if hosts is None else hosts
    check_precision(options.mixed_precision, hosts)
    start = _begun(options, hosts)
    with hosts.all_or_none():
        data = _photographs(options, start, hosts)
    lesson = _lesson(options, data, hosts)
    with hosts.all_or_none():  # what can be refused is refused before the run folder is taken
        make_network(options.network, options.vit, data.channels, options.widths, options.blocks, start)
        _batches(options, data, lesson, repeat=1)
        for part in ("validation", "test"):
            data.check(part)
        _check_clean(options, data, lesson)
    folder = options.output
    changed = {"data_fingerprint": lambda: changes_in_words(folder / DATA_FILE, data.record())}
    if lesson is not None:  # what follows from the data is told by the data
        changed["noise_found"] = lambda: "other noise was found in them"
        if options.method == "auto":
            changed["method"] = lambda: "their noise asks for another method"
    networks = [{"name": name} for name in options.networks]
    stored = _stored(options, data, start) | ({"method": None} if lesson is None else lesson.record)
    with running(folder, stored, networks, (*PLACES, "start"), changed, hosts):
        if hosts.is_chief:
            keep_start(start, folder)
            data.write_record(folder)
        TextureTrainer(options, data, folder, start, lesson, hosts).train_all()
        if not hosts.is_chief:
            print("The chief scores the networks and writes the report.")
            return
        data.write_record(folder)  # some photographs prove damaged only when they are decoded
        report = evaluate_folder(folder)
    print(f"Report: {report}")


def _check_clean(options: TextureOptions, data: Parts, lesson: Lesson | None) -> None:
    """Look whether clean partners are what they should be, of some photographs."""
    if options.clean is not None:
        check_clean_partners(looked_at(data.parts["train"], _CLEAN_LOOKED_AT))
    if options.test_clean is not None and lesson is not None:
        partners = clean_partners(data, options.test_clean)
        try:
            pairs = list(itertools.islice(with_clean(data, partners), _CLEAN_LOOKED_AT))
        except PictureError as error:
            raise InputError(f"{error} It is the clean partner of a photograph to test on.") from None
        check_clean_partners(pairs, are_clean=True)


def _begun(options: TextureOptions, hosts: Hosts) -> Denoiser | None:
    """The network to begin from: the chief's, whose run folder may hold a copy, told to the other hosts."""
    found: list[Denoiser] = []

    def load() -> dict | None:
        check_run_folder(options.output)
        network = load_start(options)
        found.extend([] if network is None else [network])
        return None if network is None else keras.saving.serialize_keras_object(network)

    described = hosts.on_chief(load)
    weights = hosts.told_arrays([] if not found else found[0].get_weights())
    if found or described is None:
        return found[0] if found else None
    network = keras.saving.deserialize_keras_object(described)
    network.set_weights(weights)
    return network


def _lesson(options: TextureOptions, data: Parts, hosts: Hosts) -> Lesson | None:
    """How to learn from noisy photographs alone: the chief looks at their noise, and tells what it found."""
    if not options.noisy_only:
        return None

    def look() -> list:
        found = choose_lesson(data, options.method).record
        stored = _stored_lesson(options, data)
        return [(stored or found)[name] for name in ("method", "noise_found")]

    method, noise = hosts.on_chief(look)
    lesson = Lesson(method, FoundNoise.from_record(noise))
    print(f"{lesson.noise.in_words} {METHODS[lesson.method]}")
    if data.next_plane:
        print(MOTION_WARNING)
    return lesson


def _stored_lesson(options: TextureOptions, data: Parts) -> dict | None:
    """What a run on the same photographs, which goes on, has of its method and of the noise that was found."""
    place = options.output / CONFIG_FILE
    stored = read_json(place) if place.exists() else None
    if not isinstance(stored, dict) or stored.get("data_fingerprint") != data.fingerprint():
        return None
    is_wanted = options.method in ("auto", stored.get("method"))
    return stored if is_wanted and isinstance(stored.get("noise_found"), dict) else None


def _photographs(options: TextureOptions, start: Denoiser | None, hosts: Hosts) -> Parts:
    """The photographs of all parts."""
    share = hosts.share(options.batch_size)
    data = Parts(
        channels=None if start is None else start.channels,
        **data_places(options.noisy_only, options.data, options.clean, options.noisy, options.noisy_twin),
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        crop_size=options.crop_size,
        batch_size=options.batch_size,
        memory=options.memory,
        scale_down=options.scale_down,
        grey=GREY_SHARE if options.noise == "camera" and options.noisy is None else 0.0,
        share=share,
    )
    if start is not None:
        check_colours(str(options.start), start, data.parts["train"])
    print(f"Data: {data.description}.")
    for name, reason in data.record()["skipped"]:
        print(f"Skipped: {name} {reason}.")
    return data


def training_noise(options: TextureOptions) -> keras.layers.Layer | None:
    """The noise of the training; `None` for photographs that bring their own."""
    if options.noisy is not None:
        return None
    return make_noise(options.noise, sigma_255=options.sigma, level=options.level, photons=options.photons)


def _stored(options: TextureOptions, data: Parts, start: Denoiser | None) -> dict:
    """What the run keeps of its options, with whole paths, which photographs it took and what it began from."""
    stored = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    for key in PLACES:
        if stored[key] not in (None, "embedded") and (key, stored[key]) != ("noisy_twin", NEXT_PLANE):
            stored[key] = str(Path(stored[key]).resolve())
    if start is not None:
        stored |= {"start": place_of(options.start), "start_fingerprint": fingerprint(start), "channels": data.channels}
    del stored["output"]
    return stored | {"command": "textures", "data_fingerprint": data.fingerprint()}


def _batches(options: TextureOptions, data: Parts, lesson: Lesson | None, repeat: int, start_step: int = 0):
    """The endless batches of a repeat; all its losses see the same."""
    seed = batches_seed(options.seed, repeat)
    if lesson is not None:
        batches = lesson.batches(data, seed, start_step)
    else:
        batches = data.training_pairs(training_noise(options), seed, start_step)
    return data.share.dealt(batches, options.batch_size)


def batches_seed(seed: int, repeat: int) -> int:
    """The seed of crops and noise. All losses of a repeat see the same."""
    return derive_seed(seed, repeat, "batches")


class TextureTrainer:
    """Trains one network for each loss and repeat.

    Args:
        options: The options, resolved.
        data: The photographs.
        folder: The run folder.
        start: The network to begin from, or `None`.
        lesson: How it learns from noisy photographs alone, or `None`.
        hosts: The hosts that train together; defaults to this one.
    """

    def __init__(
        self,
        options: TextureOptions,
        data: Parts,
        folder: Path,
        start: Denoiser | None = None,
        lesson: Lesson | None = None,
        hosts: Hosts | None = None,
    ):
        self.hosts = this_host() if hosts is None else hosts
        self.options, self.data, self.folder, self.start, self.lesson = options, data, folder, start, lesson
        self.validation: list[NoisyPair] = []
        self.unclean: Judge | None = None
        if not self.hosts.is_chief:
            return  # the chief judges for all
        if lesson is None:
            self.validation = [
                NoisyPair(picture.name, _centre(picture.clean), _centre(picture.noisy), picture.level)
                for picture in data.pictures("validation", noise_ladder(training_noise(options)))
            ]

    def train_all(self) -> None:
        """Train every network; finished ones are skipped."""
        options = self.options
        places = [(repeat, name) for repeat in range(1, options.repeats + 1) for name in options.networks]
        done = [(network_folder(self.folder, *place) / RECORD_FILE).exists() for place in places]
        if all(self.hosts.told(done)):
            return
        if self.lesson is not None and self.hosts.is_chief:
            self.unclean = self._unclean(self.lesson)
        budget = self.budget()
        jobs = [
            Job(
                title(name, repeat, options.repeats),
                network_folder(self.folder, repeat, name),
                budget["seconds_per_step"].get(name, 1.0),
                functools.partial(self._train, repeat, name, budget),
                budget["steps"],
            )
            for repeat, name in places
        ]
        train_jobs(self.folder, jobs, _line, self.hosts)

    def _unclean(self, lesson: Lesson) -> Judge:
        """What judges without clean photographs, on those to validate on."""
        views = [
            tuple(_centre(image) for image in (twin, noisy) if image is not None)
            for _, twin, noisy in self.data.decoded("validation")
        ]
        needs_level = lesson.method == "recorrupted"
        return Judge(lesson, views, TiledDenoiser(UNet.from_preset("photographs")) if needs_level else None)

    def budget(self) -> dict:
        """Precision, number of steps, seconds of one: measured once, and from then on read from the run folder."""
        path, options, hosts = self.folder / BUDGET_FILE, self.options, self.hosts
        if not hosts.told(path.exists()):
            budget = measure_budget(
                list(options.networks),
                self._time,
                precision=options.mixed_precision,
                repeats=options.repeats,
                minutes=options.minutes,
                steps=options.steps,
            )
            if hosts.is_chief:
                write_json(path, budget)
        budget = hosts.on_chief(lambda: read_json(path))
        return {"epochs": min(JUDGEMENTS, budget["steps"]), **budget}  # which older versions did not write down

    def _time(self, name: str, chosen: str) -> Timing:
        """Time some training steps in a precision, and a judgement."""
        model, shipped = self._compiled(1, name, chosen, _TIMED_STEPS)
        times = []
        clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: times.append(time.monotonic()))
        fit(model, self.hosts, lambda: self._batches(1, 0), steps_per_epoch=_TIMED_STEPS, callbacks=[clock])
        judging = self.hosts.on_chief(lambda: _seconds_of(self._judge(model, shipped)))
        return Timing(*self.hosts.told([float(np.median(np.diff(times))), judging]))

    def _train(self, repeat: int, name: str, budget: dict, callbacks: list[keras.callbacks.Callback]) -> dict:
        folder = network_folder(self.folder, repeat, name)
        steps, epochs = budget["steps"], budget["epochs"]
        model, shipped = self._compiled(repeat, name, budget["precision"], steps)
        return train(
            model,
            model,
            functools.partial(self._batches, repeat),
            folder,
            epochs=epochs,
            steps_per_epoch=steps // epochs,
            judge=self._judge(model, shipped),
            fall=FALL if self.lesson is None else self.lesson.fall,
            shipped=shipped,
            measure=lambda: {} if self.start is None else {"start": place_of(self.options.start)},
            callbacks=[*callbacks, *self._picture_logs(folder)],
            hosts=self.hosts,
        )

    def _compiled(self, repeat: int, name: str, chosen: str, steps: int) -> tuple[keras.Model, keras.Model]:
        """A new network to train in a precision, and the same in float32. A repeat has one start for all losses."""
        options = self.options
        keras.backend.clear_session()
        shipped = self._network()
        keras.utils.set_random_seed(derive_seed(options.seed, repeat, "weights"))
        with self.hosts.strategy.scope(), precision(chosen):
            model = self._network()
            optimizer = averaging_adam(options.learning_rate, steps)
            # Keras' own loss, where there is no clean picture: it weighs single pixels
            loss_function = "mse" if self.lesson else make_loss(*options.networks[name], options.crop_size)
            model.compile(optimizer, loss_function, jit_compile=False)
            model.optimizer.build(model.trainable_variables)
        return model, shipped

    def _network(self) -> keras.Model:
        options = self.options
        sizes = options.widths, options.blocks
        return make_network(options.network, options.vit, self.data.channels, *sizes, self.start)

    def _batches(self, repeat: int, start_step: int) -> tf.data.Dataset:
        return _batches(self.options, self.data, self.lesson, repeat, start_step)

    def _judge(self, model: keras.Model, shipped: keras.Model) -> Callable[[], float]:
        unclean = self.unclean
        if unclean is None:
            return judge_of(model, shipped, self.validation)
        denoise = tf.function(lambda images: shipped(images, training=False), reduce_retracing=True)

        def judge() -> float:
            shipped.set_weights(model.get_weights())
            return unclean(lambda image: denoise(image[None])[0].numpy())

        return judge

    def _picture_logs(self, folder: Path) -> list[keras.callbacks.Callback]:
        logs = log_folder(self.folder, folder)
        return [] if not self.hosts.is_chief else [_PictureLog(logs, picture) for picture in self.validation[:1]]


def _seconds_of(work: Callable[[], object]) -> float:
    """What it takes the second time, when everything is traced."""
    work()
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _centre(image: np.ndarray) -> np.ndarray:
    """What a judgement sees of an image, copied so that the rest need not be held."""
    top, left = (max(0, side - JUDGED_SIDE) // 2 for side in image.shape[:2])
    return image[top : top + JUDGED_SIDE, left : left + JUDGED_SIDE].copy()


def judge_of(model: keras.Model, shipped: keras.Model, pictures: list[NoisyPair]) -> Callable[[], float]:
    """A function that gives the mean PSNR in dB, on pictures, of a network as it will be saved.

    Args:
        model: The network that is trained.
        shipped: The one that is saved, which takes its weights. Its outputs are clipped to [0, 1].
        pictures: The pictures to judge on.
    """
    denoise = tf.function(lambda images: shipped(images, training=False), reduce_retracing=True)

    def judge() -> float:
        shipped.set_weights(model.get_weights())
        values = [
            psnr(picture.clean[None], tf.clip_by_value(denoise(picture.noisy[None]), 0, 1), max_val=1.0)
            for picture in pictures
        ]
        return float(np.mean(values))

    return judge


def _line(logs: dict) -> str | None:
    """What is printed of an epoch; nothing where the loss was not finite, and the network not judged."""
    if "val_psnr" not in logs:
        return None
    return f"loss {logs['loss']:.4g}, validation {logs['val_psnr']:.2f} dB"


class _PictureLog(keras.callbacks.Callback):
    """Writes a validation picture with noise, denoised and clean to TensorBoard after every epoch."""

    def __init__(self, logs: Path, picture: NoisyPair, side: int = 256):
        super().__init__()
        self.logs = logs
        self.noisy, self.clean = picture.noisy[:side, :side], picture.clean[:side, :side]

    def on_epoch_end(self, epoch, logs=None):
        denoised = self.model(self.noisy[None], training=False)[0]
        panels = np.concatenate([np.clip(image, 0, 1) for image in (self.noisy, denoised, self.clean)], axis=1)
        writer = tf.summary.create_file_writer(str(self.logs / "pictures"))
        with writer.as_default():
            tf.summary.image("noisy, denoised, clean", panels[None], step=epoch)
        writer.close()
