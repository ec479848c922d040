"""What `python -m training.textures` takes and looks at before it takes a run folder."""

import itertools
import os

import keras

from evaluation.textures.folder import data_places
from evaluation.textures.noisy_only import METHODS, clean_partners, with_clean
from tf_denoise.data.parts import Parts
from tf_denoise.errors import InputError
from tf_denoise.hosts.hosts import Hosts
from tf_denoise.noise.found import FoundNoise
from tf_denoise.pictures.files import PictureError
from tf_denoise.runs.folder import CONFIG_FILE, check_run_folder, read_json
from training.textures.noisy_only import Lesson, choose_lesson, looked_at
from training.textures.options import TextureOptions
from training.textures.start import Denoiser, check_colours, load_start
from training.textures.twins import MOTION_WARNING, check_clean_partners

_CLEAN_LOOKED_AT = 8
GREY_SHARE = 0.25
"""Of the crops in colour that are made grey, for the noise of cameras: many files store a grey picture in colour."""


def load_begun(options: TextureOptions, hosts: Hosts) -> Denoiser | None:
    """The network to begin from: the chief's, whose run folder may hold a copy, told to the other hosts."""
    found: list[Denoiser] = []

    def load() -> dict | None:
        check_run_folder(options.output)
        network = load_start(options)
        found.extend([] if network is None else [network])
        return None if network is None else keras.saving.serialize_keras_object(network)

    described = hosts.on_chief(load)
    weights = hosts.told_arrays([] if not found else found[0].get_weights())
    if found or described is None:
        return found[0] if found else None
    network = keras.saving.deserialize_keras_object(described)
    network.set_weights(weights)
    return network


def load_photographs(options: TextureOptions, start: Denoiser | None, hosts: Hosts) -> Parts:
    """The photographs of all parts."""
    share = hosts.share(options.batch_size)
    data = Parts(
        channels=None if start is None else start.channels,
        **data_places(options.noisy_only, options.data, options.clean, options.noisy, options.noisy_twin),
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        crop_size=options.crop_size,
        batch_size=options.batch_size,
        memory=options.memory,
        scale_down=options.scale_down,
        grey=GREY_SHARE if options.noise == "camera" and options.noisy is None else 0.0,
        share=share,
    )
    if start is not None:
        check_colours(str(options.start), start, data.parts["train"])
    print(f"Data: {data.description}.")
    for name, reason in data.record()["skipped"]:
        print(f"Skipped: {name} {reason}.")
    return data


def find_lesson(options: TextureOptions, data: Parts, hosts: Hosts) -> Lesson | None:
    """How to learn from noisy photographs alone: the chief looks at their noise, and tells what it found."""
    if not options.noisy_only:
        return None

    def look() -> list:
        found = choose_lesson(data, options.method).record
        stored = _stored_lesson(options, data)
        return [(stored or found)[name] for name in ("method", "noise_found")]

    method, noise = hosts.on_chief(look)
    lesson = Lesson(method, FoundNoise.from_record(noise))
    print(f"{lesson.noise.in_words} {METHODS[lesson.method]}")
    if data.next_plane:
        print(MOTION_WARNING)
    return lesson


def _stored_lesson(options: TextureOptions, data: Parts) -> dict | None:
    """What a run on the same photographs, which goes on, has of its method and of the noise that was found."""
    place = options.output / CONFIG_FILE
    stored = read_json(place) if os.path.exists(place) else None
    if not isinstance(stored, dict) or stored.get("data_fingerprint") != data.fingerprint():
        return None
    is_wanted = options.method in ("auto", stored.get("method"))
    return stored if is_wanted and isinstance(stored.get("noise_found"), dict) else None


def check_clean(options: TextureOptions, data: Parts, lesson: Lesson | None) -> None:
    """Look whether clean partners are what they should be, of some photographs."""
    if options.clean is not None:
        check_clean_partners(looked_at(data.parts["train"], _CLEAN_LOOKED_AT))
    if options.test_clean is not None and lesson is not None:
        partners = clean_partners(data, options.test_clean)
        try:
            pairs = list(itertools.islice(with_clean(data, partners), _CLEAN_LOOKED_AT))
        except PictureError as error:
            raise InputError(f"{error} It is the clean partner of a photograph to test on.") from None
        check_clean_partners(pairs, are_clean=True)
