"""Which U-Net denoises best after the same training time?

    python benchmarks/unet_search.py --data FOLDER --validation FOLDER --minutes 3

Every candidate's training step is timed first, all in turn, and gets as many steps as fit into the minutes: with other
work on the cores the trainings take longer, but stay comparable. Then each is trained on the same crops with the same
noise from the same seed, Adam with averaged weights as in `python -m training.textures`, and judged on the validation
photographs.
"""

import argparse
import statistics
import time

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from evaluation.metrics import psnr  # noqa: E402
from tf_denoise.data.parts import Parts  # noqa: E402
from tf_denoise.fitting.optimizer import averaging_adam  # noqa: E402
from tf_denoise.models import UNet, multiply_adds_per_pixel  # noqa: E402
from tf_denoise.noise.described import make_noise  # noqa: E402
from tf_denoise.noise.ladder import noise_ladder  # noqa: E402

SMALL, WIDE = {"widths": (32, 64, 96, 128), "blocks": 2}, {"widths": (64, 128, 256), "blocks": 1}
BASE = {"net": SMALL, "loss": "mae", "batch_size": 16, "crop_size": 96, "rate": 1e-3, "precision": "mixed_bfloat16"}
CANDIDATES = {
    "32-64-96-128": {},
    "32-64-96-128, rate 2e-3": {"rate": 2e-3},
    "32-64-96-128, mse": {"loss": "mse"},
    "32-64-96-128, batch 8": {"batch_size": 8},
    "32-64-96-128, 3 blocks": {"net": SMALL | {"blocks": 3}},
    "32-64-128-256": {"net": SMALL | {"widths": (32, 64, 128, 256)}},
    "64-96-128-192": {"net": SMALL | {"widths": (64, 96, 128, 192)}},
    "64-128-256": {"net": WIDE | {"blocks": 2}},
    "64-128-256, 1 block": {"net": WIDE},
    "64-128-256, 1 block, rate 2e-3": {"net": WIDE, "rate": 2e-3},
    "64-128-256, 1 block, rate 2e-3, float32": {"net": WIDE, "rate": 2e-3, "precision": "float32"},
    "64-128-256, 1 block, joined skips": {"net": WIDE | {"skips": "concat"}},
    "64-128-256, 1 block, plain": {"net": WIDE | {"block": "plain", "skips": "concat"}},
}


class Candidate:
    """A network with what it is trained by."""

    def __init__(self, settings: dict, options):
        self.settings = BASE | settings
        self.seed = options.seed
        self.data = Parts(
            data=options.data, validation=options.validation, seed=options.seed,
            crop_size=self.settings["crop_size"], batch_size=self.settings["batch_size"],
        )  # fmt: skip
        self.noise = make_noise("gaussian", sigma_255=(options.sigma,))

    def network(self, policy: str) -> UNet:
        """The network, with weights that depend on the seed alone."""
        keras.utils.set_random_seed(self.seed)
        return UNet(self.data.channels, dtype=policy, **self.settings["net"])

    def compiled(self, steps: int) -> UNet:
        """The network, ready to train that many steps."""
        keras.backend.clear_session()
        model = self.network(self.settings["precision"])
        model.compile(averaging_adam(self.settings["rate"], steps), self.settings["loss"])
        return model

    def fit(self, model: UNet, steps: int, **options) -> None:
        """Train."""
        pairs = self.data.training_pairs(self.noise, self.seed)
        model.fit(pairs, steps_per_epoch=steps, verbose=0, shuffle=False, **options)

    def seconds_per_step(self, steps: int = 8) -> float:
        """The median time of a step."""
        times = []
        clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: times.append(time.monotonic()))
        self.fit(self.compiled(steps), steps, callbacks=[clock])
        return statistics.median(np.diff(times[2:]))

    def judged(self, model: UNet) -> tuple[float, float]:
        """PSNR in dB on the validation photographs, computed in the precision of the training and in float32."""
        full = self.network("float32")
        full.set_weights(model.get_weights())
        pictures = self.data.pictures("validation", noise_ladder(self.noise))

        def decibels(net) -> float:
            outputs = ((p.clean[None], tf.clip_by_value(net(p.noisy[None], training=False), 0, 1)) for p in pictures)
            return float(np.mean([psnr(clean, output, max_val=1.0) for clean, output in outputs]))

        return decibels(model), decibels(full)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="embedded")
    parser.add_argument("--validation")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--sigma", type=float, default=50.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="names of candidates")
    options = parser.parse_args()
    candidates = {name: Candidate(CANDIDATES[name], options) for name in options.only or CANDIDATES}
    turns = [{name: candidate.seconds_per_step() for name, candidate in candidates.items()} for _ in range(2)]
    seconds = {name: min(turn[name] for turn in turns) for name in candidates}
    print("| network | weights | multiply-adds a pixel | ms a step | steps | PSNR, dB | in float32 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for name, candidate in candidates.items():
        steps = round(60 * options.minutes / seconds[name])
        model = candidate.compiled(steps)
        candidate.fit(model, steps)
        own, full = candidate.judged(model)
        cost = multiply_adds_per_pixel(candidate.network("float32"))
        cells = (name, f"{model.count_params():,}", f"{cost:,.0f}", f"{1e3 * seconds[name]:.0f}", f"{steps:,}")
        print(f"| {' | '.join(cells)} | {own:.3f} | {full:.3f} |", flush=True)


if __name__ == "__main__":
    main()
