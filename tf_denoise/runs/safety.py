"""What may be loaded: nothing of a file runs, and nothing of it is inflated or built beyond what the file can hold.

A `.keras` file is looked at in this order, each step before the next: what kind of file it is; its configuration, read
up to a bound; every part that the configuration names, against a list of what is allowed (`allowed.py`); the weights,
whose declared sizes the file must hold. While the network is built, `within_budget` stops it at the first weight that
the file has no values for.
"""

import contextlib
import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tf_denoise.errors import InputError, reason
from tf_denoise.extras import require, way_to_install
from tf_denoise.registration import register
from tf_denoise.runs.allowed import CLASSES, COMPILED, DATA, FUNCTIONS, KERAS_HUB

EXPECTED = "expected a run folder, or a .keras file"
MOST_CONFIG_BYTES = 4 << 20
"""A configuration of more is refused; that of a ViT-B/16 with a U-Net has 10 kB."""
MOST_PARTS, MOST_NESTED, MOST_WEIGHTS = 20_000, 100, 10_000
"""Objects in a configuration, brackets within brackets, and arrays of weights: more are refused."""
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = ("metadata.json", _CONFIG, _WEIGHTS)
_INFLATED, _INFLATED_FREELY = 20, 64 << 20  # bytes of weights for a byte of the file; and what is allowed in any case
_UNSAVED_VALUES, _UNSAVED_WEIGHTS = 100_000, 100  # which a network may make and a file need not hold
_NAMES = ("class_name", "module", "registered_name")
_DTYPES = re.compile(r"(u?int(8|16|32|64)|b?float(16|32|64)|bool)")
_REFUSED = {
    ".h5": "an HDF5 model",
    ".hdf5": "an HDF5 model",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".joblib": "a pickle",
    ".npy": "an array",
    ".pb": "a part of a SavedModel",
}
_STARTS = {b"\x89HDF": "an HDF5 model", b"\x80": "a pickle"}


class Held(NamedTuple):
    """What the weights of a file hold.

    Attributes:
        arrays: Number of arrays.
        values: Numbers in all of them.
    """

    arrays: int
    values: int


def check_file(path: Path) -> Held:
    """Refuse what is not a `.keras` file, or is one that holds more than a network of allowed parts.

    Returns:
        What its weights hold.

    Raises:
        InputError: If it is refused. Nothing of it has run.
    """
    path = Path(path)
    _check_kind(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            config = _parsed(_read(archive, _CONFIG, MOST_CONFIG_BYTES))
            strange = next((name for name in names if name not in _MEMBERS or names.count(name) > 1), None)
            if strange is not None:
                raise _Refused(f"holds {strange}, which the file of an image network does not hold once or at all")
            check_config(config)
            size = archive.getinfo(_WEIGHTS).file_size
            most = _INFLATED_FREELY + _INFLATED * path.stat().st_size
            if size > most:
                raise _Refused(
                    f"declares {size / 1e6:,.0f} MB of weights, {size // path.stat().st_size} times its size"
                )
            return _held(_read(archive, _WEIGHTS, most))
    except _Refused as refusal:
        raise InputError(f"{path} {refusal}.") from None
    except MemoryError:
        raise InputError(f"{path} was not loaded: the memory does not hold its weights.") from None
    except Exception as error:  # what a damaged archive raises is not to be foreseen
        raise InputError(f"{path} is not a .keras file, or is damaged: {reason(error)}.") from None


class _Refused(Exception):
    """Says why a file is refused, as a sentence without its subject; with it goes what can be done about it."""

    def __init__(self, why: str, advice: str = ""):
        super().__init__(f"{why}, and was not loaded{advice and '; '}{advice}")


def _check_kind(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or reason(error)}.") from None
    kind = _REFUSED.get(path.suffix.lower()) or next((k for s, k in _STARTS.items() if start.startswith(s)), None)
    if kind is not None:
        raise InputError(
            f"{path} is {kind}, which can hold code that runs when it is loaded, and was not opened; {EXPECTED} "
            "(model.save('NAME.keras') writes one)."
        )


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The content of a member, of which no more than a bound is inflated, whatever its header declares."""
    with archive.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise _Refused(f"has a {name} of more than {most / 1e6:,.0f} MB")
    return content


def _parsed(text: bytes):
    try:
        return json.loads(text)
    except RecursionError:
        raise _Refused("has a configuration that is nested too deeply") from None


def check_config(config) -> None:
    """Look at every part of a network's configuration. How the network itself was compiled is ignored."""
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError("its configuration describes no model")
    register()
    with contextlib.suppress(ImportError):  # where it is missing or broken, its parts are refused
        require("keras_hub")  # always: a name of its classes is known as such only where they are registered
    import keras

    registered = keras.saving.get_custom_objects()
    parts = 0
    waiting = [({key: value for key, value in config.items() if key != "compile_config"}, 0, False)]
    while waiting:
        value, depth, is_compiled = waiting.pop()
        if depth > MOST_NESTED:
            raise _Refused("has a configuration that is nested too deeply")
        if isinstance(value, dict):
            if "class_name" in value:
                parts += 1
                _check_part(value, registered, is_compiled)
                value = {key: member for key, member in value.items() if key not in _NAMES}
            waiting += [(member, depth + 1, is_compiled or key == "compile_config") for key, member in value.items()]
        elif isinstance(value, list):
            waiting += [(member, depth + 1, is_compiled) for member in value]
        elif isinstance(value, str) and value in registered:  # Keras takes such a name for what is registered under it
            raise _Refused(f"names {value} where a value is expected")
        if parts > MOST_PARTS:
            raise _Refused(f"is made of more than {MOST_PARTS:,} parts")


def _check_part(part: dict, registered: dict, is_compiled: bool) -> None:
    """Refuse a part that stands for an object, unless Keras makes an allowed one of it.

    Keras looks for the registered name first, then for the class in the module, and for a function by what its
    `config` says: all of them must agree.
    """
    name, module, key = (part.get(entry) for entry in ("class_name", "module", "registered_name"))
    if not (isinstance(name, str) and isinstance(module, str | None) and isinstance(key, str | None)):
        raise ValueError("its configuration describes no model")
    if name in ("Lambda", "__lambda__"):
        raise _Refused("holds a Lambda layer, which can run any code", "write a registered layer in its place")
    inner = part.get("config")
    if name in DATA:
        dtype = inner.get("dtype", "float32") if isinstance(inner, dict) else "float32"
        if name not in registered and isinstance(dtype, str) and _DTYPES.fullmatch(dtype):
            return
    elif name == "function":
        is_listed = isinstance(inner, str) and inner in FUNCTIONS.get(module, ())
        if is_listed and key in (None, name, inner) and not {inner, key} & registered.keys():
            return
        name = inner if isinstance(inner, str) else name
    elif key is not None and key.startswith("keras_hub>") and not any(k.startswith("keras_hub>") for k in registered):
        raise _Refused(f"holds {name[:60]} of keras_hub, which is not installed", way_to_install("keras_hub"))
    elif key is not None and ">" in key:
        if key.rpartition(">")[2] == name and _is_known(key, registered.get(key)):
            return
    elif (key in (None, name) and name not in registered) and (
        name in CLASSES.get(module, ()) or (is_compiled and module in COMPILED and name.isidentifier())
    ):
        return
    raise _Refused(
        f"holds {name[:60]} of {(module or key or 'nowhere')[:60]}, which is none of the layers and operations that "
        "networks for images are made of"
    )


def _is_known(key: str, found) -> bool:
    """Whether a registered class is one of ours, or of KerasHub's that are allowed."""
    if found is None:
        return False
    package, name = key.split(">", 1)
    home = getattr(found, "__module__", "").split(".")[0]
    return (package == home == "tf_denoise") or (package == home == "keras_hub" and name in KERAS_HUB)


def _held(content: bytes) -> Held:
    """What weights hold, once it is clear that they are plain arrays whose values lie in the file."""
    import h5py

    arrays = values = declared = 0
    with h5py.File(io.BytesIO(content), "r") as file:
        groups, seen = [file], {file["/"].id}
        while groups:
            group = groups.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise _Refused("has weights that lead to another place")
                member = group[name]
                if member.id in seen or len(seen) > 10 * MOST_WEIGHTS:
                    raise _Refused("has weights that stand in two places, or too many")
                seen.add(member.id)
                if isinstance(member, h5py.Group):
                    groups.append(member)
                    continue
                if not isinstance(member, h5py.Dataset) or member.dtype.kind not in "fiubV" or member.dtype.hasobject:
                    raise _Refused("has weights that are not numbers")
                if member.external or member.is_virtual:
                    raise _Refused("has weights that lie in another file")
                arrays += 1
                values += math.prod(member.shape)
                declared += math.prod(member.shape) * member.dtype.itemsize
                if arrays > MOST_WEIGHTS:
                    raise _Refused(f"has more than {MOST_WEIGHTS:,} arrays of weights")
                if declared > len(content):
                    raise _Refused(
                        f"declares {declared / 1e6:,.0f} MB of weights and holds {len(content) / 1e6:,.2f} MB"
                    )
    return Held(arrays, values)


@contextlib.contextmanager
def within_budget(held: Held) -> Iterator[None]:
    """Stop a network that is being built at the first weight for which there are no values.

    A configuration of a few bytes can ask for any number of layers and for layers of any width.
    """
    import tensorflow as tf

    arrays, values = held.arrays + _UNSAVED_WEIGHTS, held.values + _UNSAVED_VALUES

    def creator(make, **options):
        nonlocal arrays, values
        value = options["initial_value"]
        with tf.Graph().as_default():  # where a value is described and not computed
            shape = (value() if callable(value) else value).shape
        arrays, values = arrays - 1, values - math.prod(shape)
        if min(arrays, values) < 0:
            raise InputError(
                f"its configuration describes a network with more weights than the {held.values:,} that it holds"
            )
        return make(**options)

    with tf.variable_creator_scope(creator):
        yield
