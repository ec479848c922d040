"""Files of networks with their weights in half precision, at half the size."""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np

_WEIGHTS = "model.weights.h5"


def halve_weights(path: Path) -> None:
    """Rewrite a `.keras` file with its weights in half precision. Keras widens them when it loads them.

    Args:
        path: The file.

    Raises:
        ValueError: If a weight is larger than 65,504.
    """
    halved = io.BytesIO()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with h5py.File(io.BytesIO(members[_WEIGHTS])) as whole, h5py.File(halved, "w") as half:
        whole.visititems(lambda name, item: _copy(name, item, half))
    members[_WEIGHTS] = halved.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _copy(name: str, item, half: h5py.File) -> None:
    if isinstance(item, h5py.Dataset):
        values = np.asarray(item)
        if values.dtype.kind == "f":
            values = values.astype("float16")
            if not np.isfinite(values).all():
                raise ValueError(f"The weights {name} are too large for half precision.")
        half.create_dataset(name, data=values)
    else:
        half.require_group(name)
    for key, value in item.attrs.items():
        half[name].attrs[key] = value
