"""What does it cost grey pictures that a network learns from colour as well?

    python benchmarks/grey.py photographs --test photographs-test --output grey            # both, then the judgement
    python benchmarks/grey.py photographs --test photographs-test --output grey --only 1   # trains the grey one alone

A network of the preset's architecture is trained twice from nothing with `--noise camera`: with the preset's mix, crops
in colour of which a quarter is made grey, and with one channel on the same photographs in grey. Both get as many steps,
smaller crops and fewer steps than the preset had. They are judged on the test photographs in grey, picture k with white
noise of `numpy.random.default_rng(k)`. A network that is there already, of the same options, is not trained again. One
training each: the interval is over photographs, and says nothing of other trainings.
"""

import argparse
import json
import statistics
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from peers import machine  # noqa: E402
from preset import noisy, photographs, quality  # noqa: E402

from evaluation.differences import mean_interval  # noqa: E402
from tf_denoise.data.parts import Parts  # noqa: E402
from tf_denoise.fitting.optimizer import averaging_adam  # noqa: E402
from tf_denoise.models import UNet  # noqa: E402
from tf_denoise.noise.described import make_noise  # noqa: E402
from tf_denoise.tiling import TiledDenoiser  # noqa: E402
from training.textures.preparation import GREY_SHARE  # noqa: E402

NAMES = {3: "colour, a quarter of it grey", 1: "grey alone"}


def check_same(options) -> None:
    """Refuse a folder whose networks were trained with other options."""
    own = {name: getattr(options, name) for name in ("steps", "widths", "blocks", "crop_size", "batch_size", "seed")}
    own |= {"learning_rate": options.learning_rate, "photographs": str(options.photographs)}
    path = options.output / "options.json"
    if path.exists() and json.loads(path.read_text()) != own:
        raise SystemExit(f"{options.output} holds networks of other options: {path.read_text()}")
    path.write_text(json.dumps(own))


def trained(options, channels: int) -> keras.Model:
    """The network after its steps, with averaged weights; from its file where there is one."""
    path = options.output / f"{channels}.keras"
    if path.exists():
        return keras.saving.load_model(path)
    keras.utils.set_random_seed(options.seed)
    model = UNet(channels, widths=options.widths, blocks=options.blocks)
    model.compile(averaging_adam(options.learning_rate, options.steps), "mae", jit_compile=False)
    data = Parts(
        data=options.photographs, channels=channels, grey=GREY_SHARE if channels == 3 else 0.0, scale_down=1536,
        seed=options.seed, crop_size=options.crop_size, batch_size=options.batch_size,
    )  # fmt: skip
    noise = make_noise("camera", sigma_255=(0.0, 60.0))
    model.fit(data.training_pairs(noise, seed=options.seed), steps_per_epoch=options.steps, verbose=2, shuffle=False)
    model.save(path)
    return model


def main() -> None:
    """Train what is not there, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="a folder of clean photographs to train on")
    parser.add_argument("--test", type=Path, required=True, help="a folder of clean photographs to judge on")
    parser.add_argument("--output", type=Path, required=True, help="a folder for the networks")
    parser.add_argument("--only", type=int, choices=list(NAMES), help="train the network of so many channels alone")
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sigmas", type=float, nargs="+", default=[15, 25, 50])
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 96, 160, 192])
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--crop-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    check_same(options)
    networks = {channels: trained(options, channels) for channels in ([options.only] if options.only else NAMES)}
    if options.only:
        return
    pictures = [picture.mean(axis=-1, keepdims=True) for picture in photographs(options.test)]
    print(machine("tensorflow", "keras", "numpy"))
    print(f"{len(pictures)} photographs in grey; {options.steps} steps of {options.batch_size} crops of "
          f"{options.crop_size}\n")  # fmt: skip
    print("| sigma | trained on | PSNR, dB | against grey alone, dB |\n| ---: | --- | ---: | ---: |")
    for sigma in options.sigmas:
        found = {
            channels: np.array(
                [
                    quality(clean, denoiser(noisy(clean, number, sigma)))[0]
                    for denoiser in [TiledDenoiser(network)]
                    for number, clean in enumerate(pictures)
                ]
            )
            for channels, network in networks.items()
        }
        for channels, values in found.items():
            difference = values - found[1]
            low, high = mean_interval(difference) if channels != 1 else (0.0, 0.0)
            against = f"{difference.mean():+.2f} ({low:+.2f} to {high:+.2f})" if channels != 1 else ""
            print(f"| {sigma:g} | {NAMES[channels]} | {statistics.mean(values):.2f} | {against} |", flush=True)


if __name__ == "__main__":
    main()
