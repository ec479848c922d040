"""What a finished run says of itself: its configuration, as plain values."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tf_denoise.errors import InputError
from tf_denoise.runs.contents import read_config
from tf_denoise.runs.folder import CONFIG_FILE

RUN_KINDS = {"iterative": "an iterative run", "textures": "a run on photographs"}


class StoredOptions(Mapping[str, Any]):
    """The options that a run was started with; asking for one that is not there is an `InputError`.

    Args:
        folder: The run folder.
        command: The command that the run must be of, a key of `RUN_KINDS`; defaults to any.

    Raises:
        InputError: If the folder is not a run, or is one of another command.
    """

    def __init__(self, folder: Path, command: str | None = None):
        stored = read_config(folder)
        if command not in (None, stored["command"]):
            raise InputError(f"{folder} is not the folder of {RUN_KINDS[command]}.")
        self.command: str = stored["command"]
        self._values: dict[str, Any] = stored

    def __getitem__(self, name: str) -> Any:
        """The value of an option."""
        if name not in self._values:
            raise InputError(
                f"The {CONFIG_FILE} of the run lacks {name!r}: it was written by another version, or changed."
            )
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the options."""
        return iter(self._values)

    def __len__(self) -> int:
        """The number of options."""
        return len(self._values)

    @property
    def noisy_only(self) -> bool:
        """Whether it is a run on photographs that learned from noisy ones alone."""
        return self.command == "textures" and self["noisy"] is not None and self["clean"] is None

    def only(self, *names: str) -> dict[str, Any]:
        """Some options by name, to be passed on as keyword arguments."""
        return {name: self[name] for name in names}
