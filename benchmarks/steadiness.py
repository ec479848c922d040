"""Does a training fall? Every loss at several learning rates and clips, on the same crops and noise.

    python benchmarks/steadiness.py                                    # on the embedded photographs
    python benchmarks/steadiness.py --data photographs --rates 1e-3 2e-3 --clips 3 none --losses mae mse
    python benchmarks/steadiness.py --network vit_unet --losses mae

A training is judged every `--every` steps on its validation photographs at sigma 15, 25 and 50, without averaged
weights, and is not led back: what it would fall to is shown. A row tells the best PSNR, the last, and the largest
gradient over the median one.
"""

import argparse
import functools
import statistics

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from peers import machine  # noqa: E402

from tf_denoise.data.parts import Parts  # noqa: E402
from tf_denoise.fitting.optimizer import SteadyAdam, rate_over  # noqa: E402
from tf_denoise.losses.named import LOSSES  # noqa: E402
from tf_denoise.noise import AdditiveGaussian  # noqa: E402
from tf_denoise.noise.ladder import noise_ladder  # noqa: E402
from training.textures.choices import make_loss, make_network  # noqa: E402
from training.textures.judging import judge_of  # noqa: E402


class Norms(keras.callbacks.Callback):
    """Notes the norm of the gradient after each step, and judges now and then."""

    def __init__(self, judge, every: int):
        super().__init__()
        self.judge, self.every = judge, every
        self.norms: list[float] = []
        self.judged: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        """Note and judge."""
        self.norms.append(float(self.model.optimizer.last_norm))
        if (batch + 1) % self.every == 0 or batch + 1 == self.params["steps"]:
            self.judged.append(self.judge())


class Watched(SteadyAdam):
    """An optimizer that remembers the norm of the last gradient."""

    def build(self, variables) -> None:
        """Make its variables."""
        super().build(variables)
        self.last_norm = keras.Variable(0.0, trainable=False, name="last_norm")

    def apply(self, grads, trainable_variables=None) -> None:
        """Remember the norm, then update."""
        grads = list(grads)
        if not self.built:
            self.build(trainable_variables)
        self.last_norm.assign(tf.linalg.global_norm([gradient for gradient in grads if gradient is not None]))
        super().apply(grads, trainable_variables)


def trained(options, data: Parts, pictures, loss: str, rate: float, clip: float | None) -> str:
    """A row of the table."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model, shipped = (make_network(options.network, "small", data.channels) for _ in range(2))
    optimizer = Watched(rate_over(options.steps, rate), beta_2=options.beta_2, clip=clip)
    model.compile(optimizer, make_loss(loss, 0.2, options.crop_size), jit_compile=False)
    watch = Norms(judge_of(model, shipped, pictures), options.every)
    batches = data.training_pairs(AdditiveGaussian((0.0, 55 / 255)), seed=0)
    model.fit(batches, steps_per_epoch=options.steps, verbose=0, callbacks=[watch], shuffle=False)
    norms = [norm for norm in watch.norms if np.isfinite(norm)]
    outburst = max(norms) / statistics.median(norms)
    judged = np.nan_to_num(watch.judged, nan=0.0)
    fell = max(np.maximum.accumulate(judged) - judged)
    return (
        f"| {loss} | {rate:g} | {clip or 'none'} | {judged.max():.2f} | {judged[-1]:.2f} | {fell:.2f} | "
        f"{statistics.median(norms):.3g} | {outburst:,.0f} |"
    )


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="embedded", help="a folder of photographs")
    parser.add_argument("--network", default="unet", choices=["unet", "vit_unet", "two_stage"])
    parser.add_argument("--losses", nargs="+", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--rates", nargs="+", type=float, default=[1e-3])
    parser.add_argument("--clips", nargs="+", type=lambda word: None if word == "none" else float(word), default=[3.0])
    parser.add_argument("--beta-2", type=float, default=0.99)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=25, help="steps from one judgement to the next")
    parser.add_argument("--crop-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args()
    data = Parts(data=options.data, crop_size=options.crop_size, batch_size=options.batch_size)
    pictures = data.pictures("validation", noise_ladder(AdditiveGaussian((0.0, 55 / 255))))[:9]
    print(machine("tensorflow", "keras", "numpy"))
    print(f"{data.description}; {options.network}, {options.steps} steps of {options.batch_size} crops of "
          f"{options.crop_size}, beta_2 {options.beta_2:g}\n")  # fmt: skip
    print("| loss | rate | clip | best, dB | last, dB | deepest fall, dB | median norm | largest over median |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    row = functools.partial(trained, options, data, pictures)
    for loss in options.losses:
        for rate in options.rates:
            for clip in options.clips:
                print(row(loss, rate, clip), flush=True)


if __name__ == "__main__":
    main()
