"""The pictures and the tables of docs/explain.md, from a finished run of a ViT + U-Net on the embedded textures.

python -m training.textures --network vit_unet --data embedded --steps 1000 --output RUN
python docs/make_explain_figures.py RUN                # figures, and numbers on the screen
python docs/renew.py explain --run RUN                 # the same, and the numbers kept in docs/tables/
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy import ndimage

from evaluation.explain.explainer import influence_correlation
from evaluation.explain.figures import heat_panels, mark_window, show_filter, show_picture, trust_curves, window_around
from evaluation.explain.trust import UNIFORM, psnr_curves, randomised_correlation, with_shuffled_weights
from evaluation.figures import styled
from evaluation.metrics import psnr
from evaluation.stored import StoredOptions
from evaluation.textures.folder import DATA_OPTIONS, as_function
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.parts import Parts, make_noisy
from tf_denoise.explain import (
    KPCACAM,
    EigenCAM,
    GradCAM,
    TokenAblation,
    effective_receptive_field,
    error_against,
    mean_tokens,
    output_norm,
    overlay_heatmap,
    pixel_influence,
    threshold_heatmap,
)
from tf_denoise.noise import AdditiveGaussian
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_network

IMAGES = Path(__file__).parent / "images"
SIDE, SIGMA, SHUFFLED = 224, 40, 3
LAYERS = ("vit", "bottleneck", "decoder1")
METHODS = {"EigenCAM": EigenCAM, "KPCA-CAM": KPCACAM, "Grad-CAM": GradCAM}
TARGETS = {"mean": None, "L2 norm": output_norm, "error": "error"}


def with_sigma(clean: np.ndarray, sigma: float) -> np.ndarray:
    """The picture with Gaussian noise that is always the same."""
    return make_noisy(clean, AdditiveGaussian(sigma / 255), seed=1)


def load(run: Path):
    """The network, and the middles of the test pictures and of the first validation picture."""
    network = load_network(network_folder(run, 1, read_json(run / "networks.json")[0]["name"]))
    data = Parts(**StoredOptions(run, "textures").only(*DATA_OPTIONS))
    ladder = {SIGMA: AdditiveGaussian(SIGMA / 255)}
    pictures = []
    for picture in [*data.pictures("test", ladder), data.pictures("validation", ladder)[0]]:
        top, left = ((side - SIDE) // 2 for side in picture.clean.shape[:2])
        clean = picture.clean[top : top + SIDE, left : left + SIDE]
        pictures.append(NoisyPair(picture.name, clean, with_sigma(clean, SIGMA)))
    return network, pictures


def save(figure: Figure, name: str, few_colours: bool = False) -> None:
    """Write a PNG file, on demand of 256 colours: many noisy pictures of all colours are large."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, dpi=80, bbox_inches="tight")
    image = Image.open(buffer).convert("RGB")
    (image.quantize(256) if few_colours else image).save(IMAGES / name, optimize=True)


def draw_grid(name: str, pictures: list[NoisyPair], columns: dict, width: float = 2.25) -> None:
    """Noisy pictures, a row each, and overlays: `columns` maps a title to `(noisy batch of one) -> heat maps`."""
    with styled():
        size = (width * (len(columns) + 1), width * 1.05 * len(pictures) + 0.35)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(pictures), len(columns) + 1, squeeze=False)
        for row, picture in zip(axes, pictures, strict=True):
            show_picture(row[0], picture.noisy)
            row[0].set_ylabel(Path(picture.name).stem, fontsize=11)
            for axis, heat_of in zip(row[1:], columns.values(), strict=True):
                show_picture(axis, overlay_heatmap(picture.noisy, heat_of(picture)[0]))
        for axis, title in zip(axes[0], ("noisy input", *columns), strict=True):
            axis.set_title(title)
        save(figure, name, few_colours=True)


def draw_maps(network, pictures) -> None:
    """ViT beside U-Net, EigenCAM beside KPCA-CAM."""
    columns = {}
    for layer in LAYERS:
        for title in ("EigenCAM", "KPCA-CAM"):
            cam = METHODS[title](network, layer)
            columns[f"{layer}: {title}"] = lambda picture, cam=cam: cam(picture.noisy[None])
    draw_grid("explain_maps.png", pictures, columns)
    picture = pictures[1]
    heat = threshold_heatmap(EigenCAM(network, "vit")(picture.noisy[None])[0], 0.4, 0.9)
    figure = heat_panels(picture.noisy, heat, f"{picture.name}: EigenCAM of vit, values in [0.4, 0.9]")
    save(figure, "explain_panels.png")


def draw_grad_cams(network, pictures) -> None:
    """Grad-CAM by three targets."""
    columns = {}
    for layer in ("vit", "decoder1"):
        for title, target in TARGETS.items():

            def heat_of(picture, layer=layer, target=target):
                chosen = error_against(picture.clean[None]) if target == "error" else target
                return GradCAM(network, layer, chosen)(picture.noisy[None])

            columns[f"{layer}: {title}"] = heat_of
    draw_grid("explain_gradcam.png", pictures, columns)


def telling_pixels(clean: np.ndarray, margin: int = 24, apart: int = 44) -> dict[str, tuple[int, int]]:
    """Pixels on the strongest edge, in the busiest and in the calmest neighbourhood, apart from each other."""
    grey = clean.mean(axis=-1)
    slope = ndimage.gaussian_gradient_magnitude(grey, 1.5)
    busy = ndimage.gaussian_filter(ndimage.gaussian_gradient_magnitude(grey, 0.7), 8)
    free = np.zeros(grey.shape, bool)
    free[margin:-margin, margin:-margin] = True
    found = {}
    for name, values in (("edge", slope), ("texture", busy), ("calm", -busy)):
        row, column = np.unravel_index(np.argmax(np.where(free, values, -np.inf)), grey.shape)
        found[name] = (int(row), int(column))
        free[max(0, row - apart) : row + apart, max(0, column - apart) : column + apart] = False
    return found


def draw_influence(network, picture: NoisyPair) -> None:
    """The filters at three pixels under weak and strong noise, and the effective receptive field."""
    print("| place | output | filter times input | rows with 95 % | shuffled weights |")
    print("| --- | ---: | ---: | ---: | ---: |")
    sigmas, pixels = (10, 50), telling_pixels(picture.clean)
    shuffled = [with_shuffled_weights(network, seed) for seed in range(SHUFFLED)]
    with styled():
        figure = Figure(figsize=(12.5, 6.2), layout="constrained")
        axes = figure.subplots(len(sigmas), len(pixels) + 1)
        for row, sigma in zip(axes, sigmas, strict=True):
            noisy = with_sigma(picture.clean, sigma)
            output = network(noisy[None], training=False)[0].numpy()
            show_picture(row[0], noisy, f"noise of {sigma}")
            for axis, (name, pixel) in zip(row[1:], pixels.items(), strict=True):
                influence = pixel_influence(network, noisy, pixel)
                strength = np.abs(influence).sum(-1)
                window = window_around(strength, pixel)
                shown = tuple(slice(p - 15, p + 16) for p in pixel)
                show_filter(axis, influence.sum(-1), shown, figure)
                axis.set_title(f"{name}: 95 % within {window[0].stop - window[0].start} rows", fontsize=10)
                mark_window(row[0], shown, name)
                given_back = float(np.sum(influence * noisy, dtype="float64"))
                others = [pixel_influence(other, noisy, pixel) for other in shuffled]
                correlation = np.mean([influence_correlation(influence, other) for other in others])
                print(
                    f"| noise {sigma}, {name} | {output[pixel].mean():.5f} | {given_back:.5f} | "
                    f"{window[0].stop - window[0].start} | {correlation:.2f} |"
                )
        save(figure, "explain_influence.png")
    rng = np.random.default_rng(0)
    places = rng.integers(40, SIDE - 40, (12, 2)).tolist()
    for sigma in sigmas:
        field = effective_receptive_field(network, with_sigma(picture.clean, sigma), places)
        centre = field.shape[0] // 2
        square = np.maximum(*np.abs(np.indices(field.shape) - centre))
        total = np.array([field[square <= reach].sum() for reach in range(centre)]) / field.sum()
        widths = [2 * int(np.argmax(total >= share)) + 1 for share in (0.5, 0.9, 0.99)]
        print(f"receptive field at noise {sigma}: 50, 90, 99 % within squares of {widths}")


def look_at_the_tokens(network, pictures) -> None:
    """Whether the network uses its tokens, and how the bottleneck's component goes with the edges."""
    ablation = TokenAblation(network)
    projected = keras.Model(network.inputs, network.get_layer("vit_projection2").input)
    tokens = [ablation.tokens(picture.noisy[None]) for picture in pictures]
    print("| picture | noisy | denoised | with the mean of its tokens | with those of the next picture ", end="")
    print("| tokens off their mean | positive units | bottleneck's EigenCAM and the slope |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for index, picture in enumerate(pictures):
        mine, other = tokens[index], tokens[(index + 1) % len(pictures)]
        outputs = [picture.noisy[None], *(ablation(picture.noisy[None], t) for t in (mine, mean_tokens(mine), other))]
        qualities = [float(psnr(picture.clean[None], output.clip(0, 1), max_val=1.0)[0]) for output in outputs]
        varied = float(np.square(mine - mean_tokens(mine)).mean() / np.square(mine).mean())
        noisy = [with_sigma(picture.clean, sigma)[None] for sigma in (5, SIGMA, 55)]
        positive = max(float(np.mean(np.max(projected(one, training=False), axis=(0, 1, 2)) > 0)) for one in noisy)
        component = EigenCAM(network, "bottleneck").raw(picture.noisy[None])[0]
        rows, columns = component.shape
        slope = ndimage.gaussian_gradient_magnitude(picture.clean.mean(axis=-1), 1)
        slope = slope.reshape(rows, SIDE // rows, columns, SIDE // columns).mean(axis=(1, 3))
        alike = np.corrcoef(component.ravel(), slope.ravel())[0, 1]
        told = " | ".join(f"{quality:.2f}" for quality in qualities)
        name = Path(picture.name).stem
        print(f"| {name} | {told} | {varied:.2%} | {positive:.0%} | {alike:+.2f} |")


def local_contrast(noisy: np.ndarray) -> np.ndarray:
    """A map that knows no network: the standard deviation of the blurred picture around each pixel."""
    grey = ndimage.gaussian_filter(noisy.mean(axis=-1), 1.5)
    return np.sqrt(np.maximum(ndimage.gaussian_filter(grey**2, 8) - ndimage.gaussian_filter(grey, 8) ** 2, 0))


def judge(network, pictures) -> None:
    """The table of trust, and the curves of one picture."""
    denoise = as_function(network)
    shuffled = [with_shuffled_weights(network, seed) for seed in range(SHUFFLED)]
    cams, others = {}, {}
    for layer in LAYERS:
        for title, cam in METHODS.items():
            cams[f"{layer} | {title}"] = cam(network, layer)
            others[f"{layer} | {title}"] = [cam(other, layer).raw for other in shuffled]
    rows = {name: [] for name in (*cams, "none | local contrast of the input")}
    for picture in pictures:
        heats = {name: cam(picture.noisy[None])[0] for name, cam in cams.items()}
        heats["none | local contrast of the input"] = local_contrast(picture.noisy)
        curves = psnr_curves(denoise, picture.noisy, picture.clean, heats)
        for name in rows:
            same = randomised_correlation(cams[name].raw, others[name], picture.noisy) if name in cams else 1.0
            rows[name].append((*curves.gains(name), *curves.gains(name, UNIFORM), same))
        if picture is pictures[1]:
            lines = [
                ("vit | EigenCAM", "vit, EigenCAM", "#0072B2"),
                ("bottleneck | EigenCAM", "bottleneck, EigenCAM", "#E69F00"),
                ("decoder1 | EigenCAM", "decoder1, EigenCAM", "#009E73"),
                ("none | local contrast of the input", "local contrast", "#CC79A7"),
            ]
            save(trust_curves(curves, lines, picture.name), "explain_trust.png")
    for name, values in rows.items():
        each = "; ".join(f"{p.name} {v[0]:+.2f} {v[1]:+.2f} {v[4]:+.2f}" for p, v in zip(pictures, values, strict=True))
        print(f"# {name}: {each}")
    print("| layer | map | deletion | insertion | both, against uniform | shuffled weights |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, values in rows.items():
        mean, least, most = (f(values, axis=0) for f in (np.mean, np.min, np.max))
        ranges = [f"{m:+.2f} ({a:+.2f} to {b:+.2f})" for m, a, b in zip(mean, least, most, strict=True)]
        numbers = [*ranges[:2], f"{mean[2]:+.2f}, {mean[3]:+.2f}", ranges[4] if name in cams else "(1)"]
        print(f"| {name} | {' | '.join(numbers)} |")


def parts_of(run: Path) -> dict[str, Callable[[], None]]:
    """By name, what draws a part of the figures and prints the numbers that go with it."""
    network, pictures = load(run)
    return {
        "maps": lambda: draw_maps(network, pictures),
        "gradcam": lambda: draw_grad_cams(network, pictures),
        "influence": lambda: draw_influence(network, pictures[1]),
        "tokens": lambda: look_at_the_tokens(network, pictures),
        "trust": lambda: judge(network, pictures),
    }


if __name__ == "__main__":
    parts = parts_of(Path(sys.argv[1]))
    for part in sys.argv[2:] or parts:
        parts[part]()
