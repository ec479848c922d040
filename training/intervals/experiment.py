"""What `python -m training.intervals` does: train the head, calibrate it, measure its coverage, write one file."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from evaluation.coverage import coverage_table, measure_coverage
from tf_denoise.data.crops import CropSampler
from tf_denoise.data.photographs import Photographs
from tf_denoise.errors import InputError
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.presets.catalogue import intervals_file
from tf_denoise.runs.loading import LoadedNetwork, load_for_use
from tf_denoise.runs.writing import writable_file
from tf_denoise.seeds import derive_seed
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.calibration import (
    MISCOVERAGE,
    SCALES,
    WORST,
    miscoverage_curve,
    needed_scales,
    risk_controlling_scale,
)
from tf_denoise.uncertainty.head import IntervalHead
from tf_denoise.uncertainty.intervals import Intervals, head_in_tiles
from training.intervals.learning import BATCH, CROP, train_head
from training.intervals.options import IntervalsOptions
from training.intervals.pictures import (
    Ladder,
    calibration_ladder,
    calibration_photographs,
    check_decodable,
    measured_ladder,
    noise_of_training,
    noisy_pairs,
    training_photographs,
)

WIDTH, BLOCKS = 64, 1
_SECONDS_BETWEEN_LINES = 20.0


def run_intervals(options: IntervalsOptions) -> Path:
    """Make the intervals of a network.

    Args:
        options: The options, resolved.

    Returns:
        The file that was written.

    Raises:
        InputError: If the network or a folder is not what it should be.
    """
    loaded = load_for_use(options.run, options.network)
    noise = noise_of_training(loaded)
    network, output = _denoiser(loaded), _output(options, loaded)
    photographs, seen = training_photographs(loaded, options.data, network.channels)
    _check_sizes(photographs)
    calibrating, measuring = calibration_photographs(options.calibration, loaded, seen, network.channels)
    for part in (calibrating, measuring):
        check_decodable(part)
    sampler = CropSampler(photographs, CROP, BATCH, derive_seed(options.seed, "crops"))
    writable_file(output)
    print(f"Data: {photographs.description}; {len(calibrating)} to calibrate, {len(measuring)} to measure.")

    keras.utils.set_random_seed(derive_seed(options.seed, "weights"))
    head = IntervalHead(network.channels, WIDTH, BLOCKS, fingerprint(network))
    lines = _Lines()
    trained = train_head(
        head, network, sampler, noise, steps=options.steps, minutes=options.minutes, seed=options.seed, on_step=lines
    )
    denoise = TiledDenoiser(network)
    scale = calibrate(head, denoise, calibrating, calibration_ladder(noise), options)
    print(f"Calibrated on {len(calibrating)} photographs: the widths are multiplied by {scale:.3f}.")
    record = {
        "network": loaded.name,
        "training": trained,
        "calibration": {
            "photographs": len(calibrating),
            "levels": list(calibration_ladder(noise)),
            "miscoverage": MISCOVERAGE,
            "worst": WORST,
        },
    }
    rows = measure_coverage(
        Intervals(_calibrated(head, scale, record), network),
        denoise,
        noisy_pairs(measuring, measured_ladder(noise), options.side, derive_seed(options.seed, "measured")),
    )
    print(coverage_table(rows))
    record["coverage"] = [dataclasses.asdict(row) for row in rows]
    Intervals(_calibrated(head, scale, record), network).save(output)
    print(f"Intervals: {output} ({output.stat().st_size / 1e6:.2f} MB)")
    return output


def _check_sizes(photographs: Photographs) -> None:
    if max((min(member.size) for member in photographs.members), default=0) < CROP:
        raise InputError(
            f"The head learns from crops of {CROP} x {CROP} pixels, and none of {photographs.description} is as large: "
            "name larger photographs with --data FOLDER."
        )


def calibrate(
    head: IntervalHead, denoise: Callable, photographs: Photographs, ladder: Ladder, options: IntervalsOptions
) -> float:
    """The scale of a head, by conformal risk control: each photograph counts with its mean over the levels.

    Raises:
        InputError: If no scale is large enough.
    """
    unscaled = head_in_tiles(head)
    curves: dict[str, list[np.ndarray]] = {}
    for pair in noisy_pairs(photographs, ladder, options.side, derive_seed(options.seed, "calibration")):
        noisy = pair.noisy
        denoised = denoise(noisy)
        below, above = np.split(unscaled(np.concatenate([noisy, denoised], axis=-1)), 2, axis=-1)
        curve = miscoverage_curve(needed_scales(pair.clean - denoised, below, above))
        curves.setdefault(pair.name, []).append(curve)
    try:
        return risk_controlling_scale([np.mean(found, axis=0) for found in curves.values()], SCALES)
    except ValueError as error:
        raise InputError(f"The head cannot be calibrated. {error}") from None


def _calibrated(head: IntervalHead, scale: float, record: dict) -> IntervalHead:
    """The same head, with what calibration and measurement found."""
    copy = IntervalHead.from_config({**head.get_config(), "scale": scale, "record": record})
    copy.set_weights(head.get_weights())
    return copy


def _denoiser(loaded: LoadedNetwork):
    """The network, if it denoises photographs."""
    network: Any = loaded.model
    if getattr(network, "channels", None) not in (1, 3) or len(network.input_shape) != 4:
        raise InputError(f"{loaded.name} does not denoise photographs of 1 or 3 channels: it has no intervals.")
    return network


def _output(options: IntervalsOptions, loaded: LoadedNetwork) -> Path:
    if options.output is not None:
        return options.output
    if loaded.file is None:
        raise InputError(f"{loaded.name} lies in several files; name the one to write with --output.")
    return intervals_file(loaded.file)


class _Lines:
    """A line now and then."""

    def __init__(self):
        self.last = time.monotonic()

    def __call__(self, step: int, steps: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.last >= _SECONDS_BETWEEN_LINES or step == steps:
            self.last = now
            print(f"step {step:,} of {steps:,}, loss {loss:.4g}", flush=True)
