"""How strong is a weight? The gradient of each sharpness loss beside that of the mean squared error.

    python benchmarks/loss_gradients.py

Crops of 64 x 64 pixels of the embedded photographs get noise and are denoised by the trained network of the package.
At what it makes of them, the norm of a loss's gradient with respect to the output is divided by that of the mean
squared error's, and the cosine between the two says how far they agree. A weight w of a loss beside 1 - w of the mean
squared error then pulls w / (1 - w) times the ratio as hard; the last column is the weight at which both pull alike.
"""

import argparse

import numpy as np

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import tensorflow as tf  # noqa: E402
from peers import machine  # noqa: E402

from tf_denoise.data import CropSampler, embedded_photographs  # noqa: E402
from tf_denoise.losses.named import LOSSES  # noqa: E402
from tf_denoise.models import UNet  # noqa: E402
from training.textures.choices import make_loss  # noqa: E402


def gradient(name: str, clean: np.ndarray, output: tf.Tensor) -> np.ndarray:
    """The gradient of a loss alone with respect to the output."""
    loss = make_loss(name, 1.0, clean.shape[1])
    with tf.GradientTape() as tape:
        tape.watch(output)
        value = loss(clean, output)
    return np.asarray(tape.gradient(value, output)).ravel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigma", type=float, nargs="+", default=[15.0, 25.0, 50.0], help="in 255ths")
    parser.add_argument("--crops", type=int, default=64)
    options = parser.parse_args()
    print(machine("tensorflow", "keras", "numpy"))
    network = UNet.from_preset("photographs")
    clean = np.asarray(CropSampler(embedded_photographs(), 64, options.crops, seed=0).batch(0), "float32")
    print("| loss | sigma | gradient / that of the MSE | cosine | weight that pulls as hard |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for sigma in options.sigma:
        noise = np.random.default_rng(0).normal(0, sigma / 255, clean.shape).astype("float32")
        output = tf.constant(network(clean + noise, training=False))
        reference = gradient("mse", clean, output)
        for name, loss in LOSSES.items():
            if loss.make is None:
                continue
            found = gradient(name, clean, output)
            ratio = np.linalg.norm(found) / np.linalg.norm(reference)
            cosine = found @ reference / np.linalg.norm(found) / np.linalg.norm(reference)
            print(f"| {name} | {sigma:g} | {ratio:.2f} | {cosine:.2f} | {1 / (1 + ratio):.3f} |")


if __name__ == "__main__":
    main()
