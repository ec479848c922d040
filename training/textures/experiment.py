"""What `python -m training.textures` does: train a network for every loss and repeat, then score and report."""

import dataclasses
import math
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from evaluation.metrics import psnr
from evaluation.textures.folder import evaluate_folder
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.parts import Parts, make_noise
from tf_denoise.fitting.loop import averaging_adam, train
from tf_denoise.noise.ladder import noise_ladder
from tf_denoise.runs.folder import RECORD_FILE, network_folder, open_run, read_json, write_json
from tf_denoise.seeds import derive_seed
from training.progress import Overall
from training.setting import environment, precision
from training.textures.choices import make_loss, make_network
from training.textures.options import TextureOptions

JUDGEMENTS = 20
"""How often a training is judged on the validation photographs, and its state saved."""
JUDGED_SIDE = 192
"""A judgement sees the centre of each validation photograph, no wider and no higher than this, at every noise level:
24 photographs at 3 levels are three million pixels, whole ones of 512 x 512 nineteen."""
BUDGET_FILE = "budget.json"
_TIMED_STEPS = 8
_WORTHWHILE = 0.8
"""Mixed precision is taken where a step takes at most this share of its time in float32."""


def run_textures(config: TextureOptions) -> None:
    """Train what is not trained yet, score everything and write the report.

    Raises:
        InputError: If the data or the output folder is not what it should be.
    """
    data = Parts(
        data=config.data,
        clean=config.clean,
        noisy=config.noisy,
        validation=config.validation,
        test=config.test,
        seed=config.seed,
        crop_size=config.crop_size,
        batch_size=config.batch_size,
        memory=config.memory,
    )
    print(f"Data: {data.description}.")
    for name, reason in data.record()["skipped"]:
        print(f"Skipped: {name} {reason}.")
    stored = {key: str(v) if isinstance(v, Path) else v for key, v in dataclasses.asdict(config).items()}
    folder = Path(stored.pop("output"))
    stored |= {"command": "textures", "data_fingerprint": data.fingerprint()}
    for key in ("data", "clean", "noisy", "validation", "test"):
        if stored[key] not in (None, "embedded"):
            stored[key] = str(Path(stored[key]).resolve())
    # What can be refused is refused before the folder is taken.
    make_network(config, data.channels)
    data.training_pairs(training_noise(config), batches_seed(config, repeat=1))
    data.check("test")
    with open_run(folder, stored):
        print(f"Run folder: {folder}")
        if not (folder / "environment.json").exists():
            write_json(folder / "environment.json", environment())
        write_json(folder / "networks.json", [{"name": loss} for loss in config.losses])
        data.write_record(folder)
        TextureTrainer(config, data, folder).train_all()
        data.write_record(folder)  # some photographs prove damaged only when they are decoded
        report = evaluate_folder(folder)
    print(f"Report: {report}")


def training_noise(config: TextureOptions) -> keras.layers.Layer | None:
    """The noise of the training; `None` for photographs that bring their own."""
    if config.clean is not None:
        return None
    return make_noise(config.noise, sigma_255=config.sigma, level=config.level, photons=config.photons)


def batches_seed(config: TextureOptions, repeat: int) -> int:
    """The seed of crops and noise. All losses of a repeat see the same."""
    return derive_seed(config.seed, repeat, "batches")


class TextureTrainer:
    """Trains one network for each loss and repeat.

    Args:
        config: The resolved configuration.
        data: The photographs.
        folder: The run folder.
    """

    def __init__(self, config: TextureOptions, data: Parts, folder: Path):
        self.config, self.data, self.folder = config, data, folder
        self.noise = training_noise(config)
        self.validation = [
            NoisyPair(picture.name, _centre(picture.clean), _centre(picture.noisy), picture.level)
            for picture in data.pictures("validation", noise_ladder(self.noise))
        ]
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        self.strategy = tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()

    def train_all(self) -> None:
        """Train every network; finished ones are skipped."""
        config = self.config
        jobs = [(repeat, loss) for repeat in range(1, config.repeats + 1) for loss in config.losses]
        if all((network_folder(self.folder, *job) / RECORD_FILE).exists() for job in jobs):
            return
        budget = self.budget()
        overall = Overall([budget["seconds_per_step"][loss] for _, loss in jobs])
        for part, (repeat, loss) in enumerate(jobs):
            overall.start(part, loss if config.repeats == 1 else f"{loss} (repeat {repeat})")
            if self._train(repeat, loss, budget, overall):
                overall.finish(part)

    def budget(self) -> dict:
        """Precision, number of steps, seconds of one: measured once, and from then on read from the run folder."""
        path = self.folder / BUDGET_FILE
        if path.exists():
            return read_json(path)
        config = self.config
        started = time.monotonic()
        chosen, timed = self._precision()
        timed |= {loss: self._time(loss, chosen) for loss in config.losses if loss not in timed}
        elapsed = time.monotonic() - started
        seconds = {loss: step for loss, (step, _) in timed.items()}
        steps = config.steps
        if steps is None:
            trainings = config.repeats * len(seconds)
            judging = JUDGEMENTS * trainings * min(judgement for _, judgement in timed.values())
            starting = config.repeats * elapsed  # each training starts as these did
            left = 60 * config.minutes - elapsed - starting - judging
            steps = max(JUDGEMENTS, int(left / (config.repeats * sum(seconds.values()))))
        epochs = min(JUDGEMENTS, steps)
        steps = epochs * math.ceil(steps / epochs)
        budget = {"precision": chosen, "steps": steps, "seconds_per_step": seconds}
        write_json(path, budget)
        return budget

    def _precision(self) -> tuple[str, dict[str, tuple[float, float]]]:
        """The data type to train in, and what was timed in it to find out, by loss."""
        if self.config.mixed_precision != "auto":
            return self.config.mixed_precision, {}
        loss = self.config.losses[0]
        plain, mixed = (self._time(loss, name) for name in ("none", "bfloat16"))
        is_worthwhile = mixed[0] <= _WORTHWHILE * plain[0]
        return ("bfloat16", {loss: mixed}) if is_worthwhile else ("none", {loss: plain})

    def _time(self, loss: str, chosen: str) -> tuple[float, float]:
        """Seconds of a training step in a precision, and of a judgement."""
        model, shipped = self._compiled(1, loss, chosen, _TIMED_STEPS, 1)
        times = []
        clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: times.append(time.monotonic()))
        model.fit(self._batches(1, 0), steps_per_epoch=_TIMED_STEPS, callbacks=[clock], verbose=0, shuffle=False)
        judge = self._judge_of(model, shipped)
        judge()
        started = time.monotonic()
        judge()
        return float(np.median(np.diff(times))), time.monotonic() - started

    def _train(self, repeat: int, loss: str, budget: dict, overall: Overall) -> bool:
        folder = network_folder(self.folder, repeat, loss)
        if (folder / RECORD_FILE).exists():
            return False
        steps = budget["steps"]
        epochs = min(JUDGEMENTS, steps)
        model, shipped = self._compiled(repeat, loss, budget["precision"], steps // epochs, epochs)
        logs = self.folder / "tensorboard" / folder.relative_to(self.folder)
        record = train(
            model,
            model,
            lambda step: self._batches(repeat, step),
            folder,
            epochs=epochs,
            steps_per_epoch=steps // epochs,
            judge=self._judge_of(model, shipped),
            shipped=shipped,
            callbacks=[
                keras.callbacks.TensorBoard(log_dir=str(logs), write_graph=False),
                _PictureLog(logs, self.validation[0]),
                _Line(overall, loss if self.config.repeats == 1 else f"{loss} (repeat {repeat})", epochs),
            ],
            verbose=int(overall.is_terminal),
        )
        if record["stopped"]:
            print(f"{folder.relative_to(self.folder)}: {record['stopped']}.")
        return True

    def _compiled(
        self, repeat: int, loss: str, chosen: str, steps_per_epoch: int, epochs: int
    ) -> tuple[keras.Model, keras.Model]:
        """A new network to train in a precision, and the same in float32. A repeat has one start for all losses."""
        config = self.config
        keras.backend.clear_session()
        shipped = make_network(config, self.data.channels)
        keras.utils.set_random_seed(derive_seed(config.seed, repeat, "weights"))
        with self.strategy.scope(), precision(chosen):
            model = make_network(config, self.data.channels)
            optimizer = averaging_adam(config.learning_rate, steps_per_epoch, epochs)
            loss_function = make_loss(loss, config.loss_weight, config.crop_size)
            model.compile(optimizer, loss_function, jit_compile=False)
            model.optimizer.build(model.trainable_variables)
        return model, shipped

    def _batches(self, repeat: int, start_step: int) -> tf.data.Dataset:
        return self.data.training_pairs(self.noise, batches_seed(self.config, repeat), start_step)

    def _judge_of(self, model: keras.Model, shipped: keras.Model):
        """A function that gives the mean PSNR in dB of the network as it will be saved.

        It is the mean over the centres of all validation photographs at all noise levels; outputs are clipped to
        [0, 1].
        """
        denoise = tf.function(lambda images: shipped(images, training=False), reduce_retracing=True)

        def judge() -> float:
            shipped.set_weights(model.get_weights())
            values = [
                psnr(picture.clean[None], tf.clip_by_value(denoise(picture.noisy[None]), 0, 1), max_val=1.0)
                for picture in self.validation
            ]
            return float(np.mean(values))

        return judge


def _centre(image: np.ndarray) -> np.ndarray:
    """What a judgement sees of an image, copied so that the rest need not be held."""
    top, left = (max(0, side - JUDGED_SIDE) // 2 for side in image.shape[:2])
    return image[top : top + JUDGED_SIDE, left : left + JUDGED_SIDE].copy()


class _Line(keras.callbacks.Callback):
    """Says after every epoch how far the training is, how good the network is, and how long the rest takes."""

    def __init__(self, overall: Overall, name: str, epochs: int):
        super().__init__()
        self.overall, self.name, self.epochs = overall, name, epochs
        self.first: int | None = None

    def on_epoch_begin(self, epoch, logs=None):
        self.first = epoch if self.first is None else self.first

    def on_epoch_end(self, epoch, logs=None):
        if "val_psnr" not in logs:  # the loss became NaN or infinite, and the network was not judged
            return
        done = (epoch + 1) / self.epochs
        text = f"{self.name}: {done:4.0%}, loss {logs['loss']:.4g}, validation {logs['val_psnr']:.2f} dB"
        self.overall.report(text, done, self.first / self.epochs)


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
