"""Beginning from a trained network: whether it fits what is to be trained, and how its weights are taken over."""

import os
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_denoise.data.photographs import Photographs
from tf_denoise.errors import InputError
from tf_denoise.models import TwoStageUNet, UNet, ViTUNet
from tf_denoise.paths import real_path
from tf_denoise.presets.catalogue import preset_names
from tf_denoise.runs.folder import CONFIG_FILE, read_json
from tf_denoise.runs.loading import load_file, load_for_use
from tf_denoise.runs.safety import check_file
from tf_denoise.runs.writing import atomic_path
from training.textures.options import TextureOptions

START_FILE = "start.keras"
"""In the run folder: the network that the run began from, so that it goes on without the place it came from."""
KINDS = {"unet": UNet, "vit_unet": ViTUNet, "two_stage": TwoStageUNet}
Denoiser = UNet | ViTUNet | TwoStageUNet
"""What can be trained on photographs."""


def load_start(options: TextureOptions) -> Denoiser | None:
    """The network that a run begins from: the one that `--start` names, or its copy in the run folder.

    The copy is taken where the run was begun from the same place, whatever lies there by now, and where that is gone.

    Raises:
        InputError: If there is none, or it is not one to begin such a training from.
    """
    if options.start is None:
        return None
    _refuse_itself(options)
    network = _load(options)
    if not isinstance(network, Denoiser) or network.channels not in (1, 3):
        raise InputError(
            f"--start {options.start} holds a network of the class {type(network).__name__}; expected one for "
            "photographs, a UNet, ViTUNet or TwoStageUNet of 1 or 3 channels."
        )
    if not all(np.isfinite(values).all() for values in network.get_weights()):
        raise InputError(
            f"--start {options.start} holds weights that are NaN or infinite: nothing can be begun from it."
        )
    if not _gives_numbers(network):
        raise InputError(f"--start {options.start} gives NaN or infinite pixels: nothing can be begun from it.")
    if not isinstance(network, KINDS[options.network] | UNet):
        kind = next(name for name, class_ in KINDS.items() if isinstance(network, class_))
        raise InputError(f"--start {options.start} is a {kind}; add --network {kind} to go on with it.")
    if isinstance(network, ViTUNet) and options.vit != "small":
        raise InputError(f"--start {options.start} brings its own transformer; leave out --vit {options.vit}.")
    for name in ("widths", "blocks"):
        wanted, found = getattr(options, name), getattr(network, name)
        if wanted is not None and wanted != found:
            shown, expected = (" ".join(map(str, np.atleast_1d(value))) for value in (wanted, found))
            raise InputError(
                f"--start {options.start} has {name} of {expected}; received --{name} {shown}: leave it out."
            )
    if options.network != "unet" and isinstance(network, UNet):
        _check_inner(options.start, network, options.network)
    return network


def _refuse_itself(options: TextureOptions) -> None:
    """Refuse a network that lies in the output, but for the copy of the start: a run does not begin from itself."""
    if options.start in preset_names():
        return
    output, start = real_path(options.output), real_path(options.start)
    if output in (start, *start.parents) and start != output / START_FILE:
        raise InputError(
            f"--start {options.start} lies in the output folder {options.output}, and no run begins from itself; "
            "choose another --output."
        )


def _load(options: TextureOptions) -> Any:
    """The copy in the run folder, or what `--start` names."""
    kept = Path(options.output) / START_FILE
    if os.path.exists(kept):
        is_there = _is_there(options.start)
        if began_from(kept.parent) == place_of(options.start) or not is_there:
            try:
                return load_file(kept)
            except InputError as error:
                if not is_there:
                    raise
                print(f"note: {error} {options.start} takes its place.", file=sys.stderr)
    return load_for_use(options.start).model


def _gives_numbers(network: Denoiser) -> bool:
    """Whether what a network makes of a picture of noise is finite."""
    picture = np.random.default_rng(0).random((1, 64, 64, network.channels), "float32")
    return bool(np.isfinite(keras.ops.convert_to_numpy(network(picture, training=False))).all())


def place_of(start: str) -> str:
    """A preset's name as it is, a path in full."""
    return start if start in preset_names() else str(real_path(start))


def _is_there(start: str) -> bool:
    return start in preset_names() or os.path.exists(start)


def began_from(run: Path) -> str | None:
    """Where the network lay that a run began from, or the name of the preset; `None` if it began from nothing."""
    stored = read_json(run / CONFIG_FILE) if os.path.exists(run / CONFIG_FILE) else None
    return stored.get("start") if isinstance(stored, dict) else None


def check_colours(start: str, network: Denoiser, photographs: Photographs) -> None:
    """Refuse photographs in colour for a grey network; grey ones go through a network of colours.

    Raises:
        InputError: If they are.
    """
    if network.channels == 1 and any(member.header.channels == 3 for member in photographs.members):
        raise InputError(
            f"--start {start} is a network for grey pictures, and there are photographs in colour: begin from one of 3 "
            "channels, or make the photographs grey."
        )


def _check_inner(start: str, network: UNet, kind: str) -> None:
    """Refuse a U-Net that no network of that kind is built around."""
    if kind == "two_stage" and network.block != "residual":
        raise InputError(f"--start {start} has {network.block} blocks; a two_stage is built around residual ones.")
    expected = ("add", 2) if network.block == "residual" else ("concat", 1)
    if (network.skips, network.stem) != expected:
        raise InputError(
            f"--start {start} has skips={network.skips!r} and stem={network.stem}; a {kind} of {network.block} "
            f"blocks is built around a U-Net of skips={expected[0]!r} and stem={expected[1]}."
        )


def keep_start(network: keras.Model | None, folder: Path) -> None:
    """Write the network that a run begins from into its folder, once, and again where the copy is damaged."""
    if network is not None and not _is_whole(folder / START_FILE):
        with atomic_path(folder / START_FILE) as temporary:
            network.save(temporary)


def _is_whole(file: Path) -> bool:
    try:
        check_file(file)
    except InputError:
        return False
    return True


def begun_from(start: Denoiser, fresh: Denoiser) -> Denoiser:
    """A new network with the weights of a trained one.

    A `TwoStageUNet` takes a `UNet` as its first stage, to which the second adds nothing yet. A `ViTUNet` that is built
    around a `UNet` begins as that U-Net: its bottleneck passes the map of the encoder on as it is, and what it makes of
    the tokens starts at zero, in the last projection or where they join.

    Args:
        start: The trained network.
        fresh: The new one, of the same arguments, or another kind of the widths and blocks of the `UNet`.

    Returns:
        `fresh`.
    """
    if type(start) is type(fresh):
        fresh.set_weights(start.get_weights())
        return fresh
    if isinstance(fresh, TwoStageUNet):
        fresh.get_layer("first").set_weights(start.get_weights())
        return fresh
    for layer in start.layers:
        if layer.weights:
            place = fresh.get_layer(layer.name)
            place.set_weights([_widened(*pair) for pair in zip(layer.get_weights(), place.get_weights(), strict=True)])
    if fresh.block == "residual":
        _pass_on(fresh.get_layer("bottleneck_projection"), start.widths[-1])
    return fresh


def _widened(trained: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """A trained kernel `(..., inputs, outputs)` with zeros for the inputs that only the new layer has."""
    if trained.shape == fresh.shape:
        return trained
    widened = np.zeros_like(fresh)
    widened[..., : trained.shape[-2], :] = trained
    return widened


def _pass_on(projection: keras.layers.Layer, width: int) -> None:
    """Let a 1x1 convolution give its first channels back; the weights of the others, which are zero, stay."""
    (kernel,) = projection.get_weights()
    kernel[0, 0, :width] = np.eye(width, dtype=kernel.dtype)
    projection.set_weights([kernel])
