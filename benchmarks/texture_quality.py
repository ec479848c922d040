"""How good and how fast is a trained run on its test photographs, against BM3D and a Gaussian blur?

    python benchmarks/texture_quality.py runs/textures-unet-photographs

The run's own test photographs with the run's own noise, whole. Every method takes each photograph in turn, so that all
see the same machine; outputs are clipped to [0, 1]. BM3D is told the true deviation of the noise.
"""

import argparse
import statistics
import time
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import numpy as np  # noqa: E402
from bm3d import bm3d, bm3d_rgb  # noqa: E402
from peers import machine  # noqa: E402

from evaluation.metrics import ssim  # noqa: E402
from evaluation.stored import StoredOptions  # noqa: E402
from evaluation.textures.baselines import BASELINES  # noqa: E402
from evaluation.textures.folder import DATA_OPTIONS, as_function, noise_of  # noqa: E402
from evaluation.textures.tuning import tune  # noqa: E402
from tf_denoise.data.parts import Parts  # noqa: E402
from tf_denoise.noise.ladder import noise_ladder  # noqa: E402
from tf_denoise.runs.folder import network_folder, read_json  # noqa: E402
from tf_denoise.runs.loading import load_network  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--network", help="by default the first of the run")
    options = parser.parse_args()
    config = StoredOptions(options.run, "textures")
    if config["noise"] != "gaussian" or len(config["sigma"]) != 1:
        parser.error("BM3D is told the deviation: this takes a run with Gaussian noise of a single --sigma")
    sigma = config["sigma"][0] / 255
    data = Parts(**config.only(*DATA_OPTIONS))
    ladder = noise_ladder(noise_of(config))
    name = options.network or read_json(options.run / "networks.json")[0]["name"]
    network = load_network(network_folder(options.run, 1, name))
    methods = {
        "network": as_function(network),
        "BM3D": lambda image: (bm3d_rgb if image.shape[-1] == 3 else bm3d)(image, sigma).reshape(image.shape),
        "Gaussian blur": tune(BASELINES["gaussian_blur"], data.pictures("validation", ladder)),
    }
    pictures = data.pictures("test", ladder)
    for method in methods.values():
        method(pictures[0].noisy)
    rows = {name: [] for name in methods}
    for picture in pictures:
        for method, denoise in methods.items():
            start = time.perf_counter()
            output = denoise(picture.noisy)
            milliseconds = 1e3 * (time.perf_counter() - start) / picture.megapixels
            output = np.clip(output, 0, 1).astype("float32")
            mse = float(np.mean(np.square(output - picture.clean), dtype="float64"))
            rows[method].append((mse, float(ssim(picture.clean[None], output[None], max_val=1.0)[0]), milliseconds))
    print(machine("tensorflow", "keras", "bm3d", "numpy"))
    print(f"{len(pictures)} test photographs, network {name!r}, {network.count_params():,} weights\n")
    print("| method | MSE | PSNR of the mean MSE, dB | mean PSNR, dB | SSIM | ms per megapixel |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    mse = {method: statistics.mean(row[0] for row in found) for method, found in rows.items()}
    cost = {method: statistics.median(row[2] for row in found) for method, found in rows.items()}
    for method, found in rows.items():
        psnr = statistics.mean(-10 * np.log10(row[0]) for row in found)
        similarity = statistics.mean(row[1] for row in found)
        print(
            f"| {method} | {mse[method]:.6f} | {-10 * np.log10(mse[method]):.2f} | {psnr:.2f} | {similarity:.4f} | "
            f"{cost[method]:,.0f} |"
        )
    gain = statistics.mean(10 * np.log10(b[0] / n[0]) for n, b in zip(rows["network"], rows["BM3D"], strict=True))
    print("\n| ratio | value | target |\n| --- | ---: | ---: |")
    print(f"| MSE, network / BM3D | {mse['network'] / mse['BM3D']:.3f} | below 1 |")
    print(f"| MSE, network / Gaussian blur | {mse['network'] / mse['Gaussian blur']:.3f} | 0.70 |")
    print(f"| PSNR, network - BM3D, mean of the photographs, dB | {gain:+.2f} | 0.5 |")
    print(f"| time per megapixel, BM3D / network | {cost['BM3D'] / cost['network']:.0f} | 50 |")


if __name__ == "__main__":
    main()
