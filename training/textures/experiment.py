"""What `python -m training.textures` does: train a network for every loss and repeat, then score and report."""

import sys
from pathlib import Path

from evaluation.textures.folder import NEXT_PLANE, evaluate_folder
from tf_denoise.data.changes import changes_in_words
from tf_denoise.data.parts import DATA_FILE, Parts
from tf_denoise.errors import printable
from tf_denoise.hosts.hosts import Hosts, this_host
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.paths import real_path
from training.runner import running
from training.setting import check_precision
from training.textures.choices import make_network
from training.textures.options import TextureOptions
from training.textures.preparation import check_clean, find_lesson, load_begun, load_photographs
from training.textures.start import Denoiser, began_from, keep_start, place_of
from training.textures.trainer import TextureTrainer, batches_of

PLACES = ("data", "clean", "noisy", "noisy_twin", "validation", "test", "test_clean")
"""The options that name folders: a run goes on where they were moved together with it."""


def run_textures(options: TextureOptions, hosts: Hosts | None = None) -> None:
    """Train what is not trained yet, score everything and write the report.

    Args:
        options: The options, resolved.
        hosts: The hosts that train together; defaults to this one. The chief writes the run folder, and scores.

    Raises:
        InputError: If the data or the output folder is not what it should be.
    """
    hosts = this_host() if hosts is None else hosts
    check_precision(options.mixed_precision, hosts)
    start = load_begun(options, hosts)
    with hosts.all_or_none():
        data = load_photographs(options, start, hosts)
    lesson = find_lesson(options, data, hosts)
    with hosts.all_or_none():  # what can be refused is refused before the run folder is taken
        make_network(options.network, options.vit, data.channels, options.widths, options.blocks, start)
        batches_of(options, data, lesson, repeat=1)
        for part in ("validation", "test"):
            data.check(part)
        check_clean(options, data, lesson)
    folder = options.output
    changed = {
        "start_fingerprint": lambda: (_other_start(options, folder), "--start"),
        "data_fingerprint": lambda: (f"on other data: {changes_in_words(folder / DATA_FILE, data.record())}", "data"),
    }
    if lesson is not None:  # what follows from the data is told by the data
        changed["noise_found"] = lambda: ("on other data: other noise was found in them", "data")
        if options.method == "auto":
            changed["method"] = lambda: ("on other data: their noise asks for another method", "data")
    networks = [{"name": name} for name in options.networks]
    stored = _stored(options, data, start) | ({"method": None} if lesson is None else lesson.record)
    for note in options.notes if hosts.is_chief else ():
        print(f"note: {note}", file=sys.stderr)
    with running(folder, stored, networks, (*PLACES, "start"), changed, hosts):
        if hosts.is_chief:
            keep_start(start, folder)
            data.write_record(folder)
        TextureTrainer(options, data, folder, start, lesson, hosts).train_all()
        if not hosts.is_chief:
            print("The chief scores the networks and writes the report.")
            return
        data.write_record(folder)  # some photographs prove damaged only when they are decoded
        report = evaluate_folder(folder)
    print(f"Report: {report}")


def _other_start(options: TextureOptions, folder: Path) -> str:
    """What a run began from instead of the network that is named."""
    place = began_from(folder)
    if place is None:
        return "that began from nothing"
    is_same = options.start is not None and place == place_of(options.start)
    return f"that began from another {'state of ' if is_same else 'network, '}{printable(place)}"


def _stored(options: TextureOptions, data: Parts, start: Denoiser | None) -> dict:
    """What the run keeps of its options, with whole paths, which photographs it took and what it began from."""
    stored = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    for key in PLACES:
        if stored[key] not in (None, "embedded") and (key, stored[key]) != ("noisy_twin", NEXT_PLANE):
            stored[key] = str(real_path(stored[key]))
    if start is not None:
        stored |= {"start": place_of(options.start), "start_fingerprint": fingerprint(start), "channels": data.channels}
    del stored["output"]
    return stored | {"command": "textures", "data_fingerprint": data.fingerprint()}
