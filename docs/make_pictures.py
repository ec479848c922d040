"""Makes the pictures of the README and of docs/iterative.md from a finished run: python docs/make_pictures.py RUN."""

import shutil
import sys
from pathlib import Path

import tensorflow as tf

from evaluation.digits import figures as plots
from evaluation.digits.test_sets import noisy_test_set
from evaluation.figures import save_figure
from tf_denoise.data.digits import load_digits
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_network

IMAGES = Path(__file__).with_name("images")
COPIED = ("measures-multi_level.png", "digits-80.png", "measures-one_level.png", "tsne-80.png")


def main(run: Path) -> None:
    """Draw the digits of the README, and copy the run's own figures."""
    config = read_json(run / "config.json")
    clean = tf.cast(load_digits(config["dataset_used"]).x_test[:14], tf.float32) / 127.5 - 1
    noisy, _ = noisy_test_set(clean, "80%", config["seed"])
    denoised = {None: noisy}
    for name, parent in (("multi_level", None), ("multi_level/25", "multi_level"), ("multi_level/control", None)):
        network = load_network(network_folder(run, 1, name))
        denoised[name] = network(denoised[parent])
    rows = [
        ("clean", clean),
        ("80 % noise", noisy),
        ("one network", denoised["multi_level"]),
        ("its child, in a row", denoised["multi_level/25"]),
        ("one, trained as long as both", denoised["multi_level/control"]),
    ]
    figure = plots.image_grid([(name, images.numpy()) for name, images in rows], "")
    save_figure(figure, IMAGES / "digits.png")
    for name in COPIED:
        shutil.copy(run / "figures" / name, IMAGES / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
