"""The report of a network that learned from noisy photographs alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import PIL.Image

from evaluation.differences import mean_interval
from evaluation.stored import StoredOptions
from evaluation.textures.scoring import measure_picture
from tf_denoise.data.parts import Parts
from tf_denoise.data.photographs import Photograph, Photographs
from tf_denoise.errors import InputError, printable
from tf_denoise.noise.found import FoundNoise
from tf_denoise.pages.denoised import DenoisedReport
from tf_denoise.pages.page import counted
from tf_denoise.pictures.files import PLAIN, STACK, PictureError, PictureHeader, find_pictures, shown, to_unit
from tf_denoise.pictures.inspection import inspect_pictures
from tf_denoise.pictures.partners import match_partners
from tf_denoise.presets.catalogue import preset_names
from tf_denoise.runs.contents import best_psnr, is_its_start
from tf_denoise.runs.folder import BUDGET_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.writing import write_json
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.assessment import assess

SCORES_FILE = "scores.json"
DENOISED = "denoised"
"""Folder of the denoised test photographs within the run."""
_TRUE = {"psnr": "PSNR, against the clean partners", "ssim": "SSIM, against the clean partners"}
_NO_INTERVALS = "The map of intervals is left out: to make one honest takes clean photographs of this kind."
METHODS = {
    "noise2noise": "Noise2Noise: each of two shots was the target of the other.",
    "recorrupted": "Recorrupted-to-Recorrupted: input and target were each noisy crop with more noise of its kind.",
    "noise2void": "Noise2Void: pixels were hidden from the network, which was asked for them.",
}


def clean_partners(parts: Parts, folder: Path) -> dict[str, Photograph]:
    """The clean partners of the photographs to test on, by name.

    The partner of a plane of a stack is the same plane of a clean stack, or one clean picture, for a scene that rests.

    Args:
        parts: The noisy photographs.
        folder: Where the clean ones lie.

    Raises:
        InputError: If the folder holds no picture, or a photograph to test on has no partner there, or one that cannot
            be used or is of another size or of another number of planes.
    """
    clean = {path.relative_to(folder): path for path in find_pictures(folder, stacks=True)}
    members = {member.name: member for member in parts.parts["test"].members}
    noisy_files = list(dict.fromkeys(map(_file_of, members.values())))
    matched = match_partners(list(clean), noisy_files)
    found = {Path(other): clean[Path(one)] for one, other in matched.pairs.items()}
    alone = [file for file in noisy_files if file not in found]
    if alone:
        raise InputError(
            f"{alone[0]} has no clean partner of the same name in {folder}; --test-clean names a folder that holds one "
            f"for each of the {counted(len(noisy_files), 'file')} to test on."
        )
    files = list(dict.fromkeys(found.values()))
    headers = dict(zip(files, inspect_pictures(files, (*PLAIN, STACK)), strict=True))
    return {name: _partner(member, found[_file_of(member)], headers) for name, member in members.items()}


def _file_of(member: Photograph) -> Path:
    """The name of the file that a photograph lies in."""
    name = Path(member.name)
    return name if member.plane is None else name.parent


def _partner(member: Photograph, path: Path, headers: Mapping[Path, PictureHeader | PictureError]) -> Photograph:
    """What lies in a file as the clean partner of a photograph."""
    header = headers[path]
    if isinstance(header, PictureError):
        raise InputError(f"{header} It is the clean partner of a photograph to test on.")
    if (header.height, header.width) != (member.header.height, member.header.width):
        raise InputError(
            f"{shown(path)} is {header.width} x {header.height} pixels and its noisy partner "
            f"{member.header.width} x {member.header.height}; the two of a pair show the same in the same size."
        )
    if header.planes is not None and header.planes != member.header.planes:
        raise InputError(
            f"{shown(path)} has {counted(header.planes, 'plane')} and its noisy partner {member.header.planes or 1}: "
            "the two of a pair show the same; a scene that rests may have one clean picture for all planes."
        )
    noisy_plane = member.plane if member.noisy_plane is None else member.noisy_plane  # of twins the noisy one is tested
    return Photograph(member.name, header, path, plane=None if header.planes is None else noisy_plane)


def with_clean(parts: Parts, partners: Mapping[str, Photograph]) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """The photographs to test on that have a clean partner, with it: name, and noisy and clean image."""
    for name, twin, image in parts.decoded("test"):
        noisy = image if twin is None else twin
        if name in partners:
            yield name, (noisy, clean_like(partners[name], noisy))


def evaluate_noisy_only(
    folder: Path, options: StoredOptions, parts: Parts, networks: Mapping[tuple[int, str], keras.Model]
) -> Path:
    """Denoise the photographs to test on, say how far they can be trusted, and write the report.

    Args:
        folder: The run folder.
        options: Those of the run.
        parts: Its photographs.
        networks: By (repeat, name); the first is reported.

    Returns:
        The path of `report.html`. The denoised photographs lie in `denoised`, true measures, where there are clean
        partners, in `scores.json`.

    Raises:
        InputError: If a clean partner is missing or cannot be read.
    """
    place, model = next(iter(networks.items()))
    denoiser = TiledDenoiser(model)
    partners = clean_partners(parts, Path(options["test_clean"])) if options["test_clean"] else {}
    record = read_json(network_folder(folder, *place) / RECORD_FILE)
    scores: list[dict[str, Any]] = []
    written: set[Path] = set()
    facts = _facts(options, parts, record, read_json(folder / BUDGET_FILE).get("precision", "none"))
    report = DenoisedReport(folder, facts, _NO_INTERVALS)
    for name, twin, image in parts.decoded("test"):
        noisy = image if twin is None else twin
        denoised = np.clip(denoiser(noisy), 0, 1)
        target = folder / DENOISED / Path(name).with_suffix(".png")
        if target in written:  # road.jpg beside road.tif
            target = folder / DENOISED / f"{name}.png"
        written.add(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.round(255 * denoised).astype("uint8")
        PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(target)
        report.add(printable(name), target, noisy, denoised, assess(noisy, denoised, denoiser))
        if name in partners:
            clean = clean_like(partners[name], noisy)
            scores.append(
                {"name": name, "noisy": measure_picture(clean, noisy), "denoised": measure_picture(clean, denoised)}
            )
    if scores:
        write_json(folder / SCORES_FILE, scores)
        report.facts += [("True " + title, _true(scores, measure)) for measure, title in _TRUE.items()]
    return report.write()


def _facts(options: StoredOptions, parts: Parts, record: dict[str, Any], precision: str) -> list[tuple[str, str]]:
    noise = FoundNoise.from_record(options["noise_found"])
    minutes = record["seconds"] / 60
    took = counted(round(minutes), "minute") if minutes >= 1 else "less than a minute"
    best = best_psnr(record)  # none where the loss was NaN from the start
    unchanged = "; no state was better than the start, which is what was saved" if is_its_start(record) else ""
    judged = (
        "of hidden pixels against the noisy ones, which their own noise keeps low"
        if options["method"] == "noise2void"
        else "estimated without clean pictures"
    )
    return [
        (
            "Learned from noisy photographs alone",
            f"{_began(options['start'], options['method'])}: what is said of results is estimated.",
        ),
        ("Photographs", parts.description),
        ("Noise that was found in them", noise.in_words),
        ("Method", METHODS[options["method"]] + _given_back(record)),
        (
            "Training",
            f"{counted(record['steps'], 'step')} of {counted(options['batch_size'], 'crop')}, {took}, in "
            f"{'float32' if precision == 'none' else precision}",
        ),
        ("Validation", "none: its loss was NaN throughout" if best is None else f"{best:.2f} dB, {judged}{unchanged}"),
    ]


def _given_back(record: dict[str, Any]) -> str:
    """What happened to the values that Noise2Void hid, in a further sentence."""
    share = record.get("own_share", 0.0)  # which older versions did not give back
    return f" In the end {share:.1%} of each pixel's own value was given back to it." if share else ""


def _began(start: str | None, method: str) -> str:
    """Which clean pictures were used, if any."""
    if start is None and method == "recorrupted":
        return "No clean picture was used, but to judge states of the network the preset told the level of the noise"
    if start is None:
        return "No clean picture was used"
    if start in preset_names():
        return f"No clean picture was used here, but the network began from the preset {start}, which learned from some"
    return f"No clean picture was used here; the network began from {shown(Path(start).name)}"


def _true(scores: list[dict], measure: str) -> str:
    """Means of noisy and denoised photographs, with an interval of the latter."""
    noisy, denoised = (np.array([score[kind][measure] for score in scores]) for kind in ("noisy", "denoised"))
    low, high = mean_interval(denoised)
    places = 2 if measure == "psnr" else 3
    within = "" if low is None else f" (95 %: {low:.{places}f} to {high:.{places}f})"
    words = f"{noisy.mean():.{places}f} to {denoised.mean():.{places}f}{within}"
    return f"{words}, mean over {counted(len(scores), 'photograph')}"


def clean_like(partner: Photograph, noisy: np.ndarray) -> np.ndarray:
    """The clean partner, float32 in [0, 1], of the part of the noisy photograph that is looked at."""
    clean = to_unit(Photographs([partner], noisy.shape[-1], "").stored(0)[0])
    starts = [max(0, side - size) // 2 for side, size in zip(clean.shape, noisy.shape[:2], strict=False)]
    return clean[starts[0] :, starts[1] :][: noisy.shape[0], : noisy.shape[1]]
