"""The model card of an exported network: what it is, what it was trained on, how good it was, where its limits are."""

import csv
import os
import statistics
from collections import defaultdict
from pathlib import Path

from tf_denoise.errors import InputError, printable, reason
from tf_denoise.losses.named import LOSSES, loss_of
from tf_denoise.noise.described import noise_in_words
from tf_denoise.runs.contents import CHAIN_MSE, best_psnr, is_its_start
from tf_denoise.runs.folder import read_json
from tf_denoise.runs.loading import LoadedNetwork


def model_card(model, about: LoadedNetwork, functions: dict, max_pixels: int, intervals=None) -> str:
    """The card, in Markdown.

    Args:
        model: The network.
        about: What is known of its training.
        functions: Its signatures.
        max_pixels: The most pixels of a picture that is decoded.
        intervals: The `Intervals` of the network, or `None`.

    Raises:
        InputError: If what is known of the training is damaged.
    """
    try:
        return _card(model, about, functions, max_pixels, intervals)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OSError, csv.Error) as error:
        raise InputError(
            f"The run in {about.run} has no model card, because its files are damaged or of another version: "
            f"{type(error).__name__} {reason(error)}."
        ) from None


def _card(model, about: LoadedNetwork, functions: dict, max_pixels: int, intervals) -> str:
    sections = {
        "": _facts(model),
        "Training": _training(about),
        "Measures": _measures(about),
        **({} if intervals is None else {"Intervals": _intervals(intervals)}),
        "Limits": _limits(model, about, max_pixels),
        "Signatures": [_signature(name, function) for name, function in functions.items()],
    }
    parts = [f"# {printable(about.name)}\n"]
    for title, lines in sections.items():
        parts.append((f"## {title}\n\n" if title else "") + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _facts(model) -> list[str]:
    kind = type(model).__name__
    return [f"An image denoiser: `{kind}` with {model.count_params():,} weights. Input {model.input_shape}."]


def _training(about: LoadedNetwork) -> list[str]:
    config, record = about.config, about.record or {}
    if config is None:
        return ["Unknown: the network was not exported from a run folder."]
    lines = []
    data = (about.run / "data.json") if about.run else Path("data.json")
    if os.path.exists(data):
        stored = read_json(data)
        counts = ", ".join(f"{len(stored[part]):,} for {part}" for part in ("train", "validation", "test"))
        lines.append(f"- Data: {stored['description']} ({counts}).")
    elif "dataset_description" in config:
        lines.append(f"- Data: {config['dataset_description']}.")
    lines += [f"- Source: {printable(source)}." for source in config.get("sources", [])]
    lines += [f"- Earlier training: {printable(stage)}." for stage in config.get("stages", [])]
    lines.append(f"- Noise: {_noise(config)}.")
    if config.get("start"):
        lines.append(f"- Begun from the trained network {printable(config['start'])}.")
    if config["command"] == "textures":
        last = about.name.split("/")[-1]
        loss, weight = loss_of(last)
        loss = loss if loss in LOSSES else config.get("loss", last)
        beside = ""
        if loss not in ("mse", "mae"):
            weight = config["loss_weight"] if weight is None else weight
            beside = f", weight {weight:g}, beside the mean squared error"
        words = LOSSES[loss].words if loss in LOSSES else loss
        lines.append(f"- Loss: {loss} ({words}){beside}; crops of {config['crop_size']} pixels.")
    if "steps" in record:
        lines.append(f"- {record['steps']:,} training steps of {config['batch_size']} images, seed {config['seed']}.")
    if about.unfinished:
        lines.append(f"- The training is not finished: {record['epochs']} of {record['of']} parts are done.")
    for fall in record.get("falls", []):
        on = f", on at {fall['rate_factor']:g} of the rate" if "rate_factor" in fall else ""
        lines.append(f"- Led back to its best weights{on}: {fall['why']}.")
    if is_its_start(record):
        lines.append("- No state of the training was better than the weights that it began with: these are exported.")
    if record.get("stopped"):
        lines.append(f"- The training stopped early: {record['stopped']}.")
    if about.run and os.path.exists(about.run / "environment.json"):
        versions = read_json(about.run / "environment.json")
        lines.append(f"- TensorFlow {versions['tensorflow']}, Keras {versions['keras']}.")
    return lines


def _noise(config: dict) -> str:
    if config["command"] == "iterative":
        return "salt and pepper on digits in [-1, 1]; levels and renoising by the name of the network"
    if config.get("clean") is not None:
        return "as the noisy photographs of the pairs have it"
    if config.get("method") is not None:
        deviation = 255 * config["noise_found"]["deviation"]
        return (
            f"that of noisy photographs, of a deviation of about {deviation:.1f} (255ths); learned from them alone, "
            f"without clean ones ({config['method']})"
        )
    options = {name: config[name] for name in ("level", "photons") if name in config}
    return noise_in_words(config["noise"], sigma_255=config["sigma"], **options)


def _measures(about: LoadedNetwork) -> list[str]:
    lines = []
    record = about.record or {}
    if (value := best_psnr(record)) is not None:
        lines.append(f"- Best PSNR on the validation photographs: {value:.2f} dB.")
    if CHAIN_MSE in record:
        lines.append(
            f"- Mean squared error on the held-out digits, noise of mixed levels, as exported: {record[CHAIN_MSE]:.5f}."
        )
    means, levels = _test_scores(about)
    noise = f" at sigma {', '.join(levels)}" if levels else ""
    for measure, title in (("psnr", "PSNR in dB"), ("ssim", "SSIM")):
        if about.network in means[measure] and "input" in means[measure]:
            found, noisy = means[measure][about.network], means[measure]["input"]
            lines.append(
                f"- {title}, mean over the test photographs{noise}: {found:.3f}, of the noisy ones {noisy:.3f}."
            )
    return lines or ["None are known."]


def _test_scores(about: LoadedNetwork) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Means over the test photographs, by measure and method, and the noise levels that they were scored at."""
    levels: dict[str, None] = {}
    values = defaultdict(lambda: defaultdict(list))
    path = (about.run / "scores.csv") if about.run else None
    if path is not None and os.path.exists(path) and about.config["command"] == "textures":
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("repeat") in ("0", str(about.repeat)) and row.get("value"):
                    values[row["measure"]][row["method"]].append(float(row["value"]))
                    if row.get("level"):
                        levels[f"{float(row['level']):g}"] = None
    means = {m: {k: statistics.fmean(v) for k, v in methods.items()} for m, methods in values.items()}
    return defaultdict(dict, means), list(levels)


def _intervals(intervals) -> list[str]:
    """What the intervals promise, what was measured of it, and what they do not promise."""
    calibration = intervals.record.get("calibration", {})
    count = calibration.get("photographs")
    lines = [
        f"- `denoise_with_interval` gives `lower` and `upper`: {intervals.in_words}.",
        "- The promise is on average over pictures like those of the calibration"
        + (f", {count} photographs, which bound it to a few per cent" if count else "")
        + ". In a single picture, or in all places of one kind, fewer values may lie within; of other noise or other "
        "pictures nothing is promised.",
    ]
    for row in intervals.record.get("coverage", []):
        if row["by"] in ("level", "brightness", "contrast"):
            lines.append(f"- Coverage measured, {row['by']} {row['group']}: {100 * row['coverage']:.1f} %.")
    return lines


def _limits(model, about: LoadedNetwork, max_pixels: int) -> list[str]:
    if len(model.input_shape) == 2:
        return ["- Made for flattened images of one size and range; anything else gives no sensible result."]
    lines = []
    if about.trained_range:
        low, high = about.trained_range
        trained = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
        lines.append(f"- Trained on noise of deviation {trained} (255ths); of other noise nothing is promised.")
    lines += [
        "- Noise that is coloured, compressed or of another kind than that of the training is removed worse.",
        "- It never saw the truth: fine texture that looks like noise may be smoothed, and no detail that was lost "
        "comes back.",
        f"- `denoise_bytes` decodes PNG and JPEG up to {max_pixels / 1e6:g} megapixels, drops transparency and colour "
        "profile, and brings a picture to the network's channels.",
        "- A picture is denoised whole: memory grows with its size.",
    ]
    return lines


def _signature(name: str, function) -> str:
    (spec,) = function.input_signature
    outputs = ", ".join(f"`{key}`" for key in function.get_concrete_function().structured_outputs)
    return f"- `{name}`: `{spec.name}` {spec.dtype.name} {tuple(spec.shape)} to {outputs}"
