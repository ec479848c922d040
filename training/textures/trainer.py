"""Trains a network of `python -m training.textures` for every loss and repeat."""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.parts import Parts
from tf_denoise.fitting.loop import fit, train
from tf_denoise.fitting.optimizer import averaging_adam
from tf_denoise.hosts.hosts import Hosts, this_host
from tf_denoise.models import UNet
from tf_denoise.noise.described import make_noise
from tf_denoise.noise.ladder import noise_ladder
from tf_denoise.runs.folder import BUDGET_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.writing import write_json
from tf_denoise.seeds import derive_seed
from tf_denoise.self_supervised.own_pixel import adds_correction, give_back_own_pixel
from tf_denoise.tiling import TiledDenoiser
from training.runner import Job, log_folder, title, train_jobs
from training.setting import precision
from training.textures.budget import JUDGEMENTS, Timing, measure_budget
from training.textures.choices import make_loss, make_network
from training.textures.judging import Judge, centre, judge_of
from training.textures.noisy_only import Lesson
from training.textures.options import TextureOptions
from training.textures.start import Denoiser, place_of

FALL = 3.0
"""A training whose validation PSNR lies so many dB below its best is led back to it."""
_TIMED_STEPS = 8


def training_noise(options: TextureOptions) -> keras.layers.Layer | None:
    """The noise of the training; `None` for photographs that bring their own."""
    if options.noisy is not None:
        return None
    return make_noise(options.noise, sigma_255=options.sigma, level=options.level, photons=options.photons)


def batches_of(options: TextureOptions, data: Parts, lesson: Lesson | None, repeat: int, start_step: int = 0):
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
                NoisyPair(picture.name, centre(picture.clean), centre(picture.noisy), picture.level)
                for picture in data.pictures("validation", noise_ladder(training_noise(options)))
            ]

    def train_all(self) -> None:
        """Train every network; finished ones are skipped."""
        options = self.options
        places = [(repeat, name) for repeat in range(1, options.repeats + 1) for name in options.networks]
        done = [os.path.exists(network_folder(self.folder, *place) / RECORD_FILE) for place in places]
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
            tuple(centre(image) for image in (twin, noisy) if image is not None)
            for _, twin, noisy in self.data.decoded("validation")
        ]
        needs_level = lesson.method == "recorrupted"
        return Judge(lesson, views, TiledDenoiser(UNet.from_preset("photographs")) if needs_level else None)

    def budget(self) -> dict:
        """Precision, number of steps, seconds of one: measured once, and from then on read from the run folder."""
        path, options, hosts = self.folder / BUDGET_FILE, self.options, self.hosts
        if not hosts.told(os.path.exists(path)):
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
            finish=self._give_back,
            measure=lambda: {} if self.start is None else {"start": place_of(self.options.start)},
            callbacks=[*callbacks, *self._picture_logs(folder)],
            hosts=self.hosts,
        )

    def _give_back(self, network: keras.Model) -> dict:
        """What Noise2Void never looked at, each pixel's own value, where that can be told."""
        if self.unclean is None or self.unclean.lesson.method != "noise2void" or not adds_correction(network):
            return {}
        return {"own_share": give_back_own_pixel(network, [image for (image,) in self.unclean.pictures])}

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
        return batches_of(self.options, self.data, self.lesson, repeat, start_step)

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
