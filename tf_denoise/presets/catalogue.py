"""Which trained networks the package brings along, and where they lie.

A preset is three files in this folder: `NAME.keras`, the network with its weights in half precision; `NAME.json`, what
is known of its training; and `NAME.md`, its model card. A fourth, `NAME-intervals.keras`, may stand beside them: the
head that gives its intervals.
"""

import json
from pathlib import Path
from typing import Any

from tf_denoise.errors import InputError, reason

FOLDER = Path(__file__).parent
INTERVALS = "-intervals"
"""How the name of a head's file ends, before `.keras`; it begins as that of its network."""


def preset_names() -> list[str]:
    """The names of all presets.

    Example:
        >>> preset_names()
        ['photographs']
    """
    found = {path.stem for suffix in (".keras", ".json") for path in FOLDER.glob(f"*{suffix}")}
    return sorted(name for name in found if not name.endswith(INTERVALS))


def intervals_file(network: Path) -> Path:
    """Where the head of a network lies: beside it.

    Example:
        >>> intervals_file(Path("model.keras")).name
        'model-intervals.keras'
    """
    return network.with_name(f"{network.stem}{INTERVALS}.keras")


def preset_file(name: str) -> Path:
    """The `.keras` file of a preset.

    Raises:
        InputError: If there is no preset of that name.
    """
    names = preset_names()
    if name not in names:
        raise InputError(f"There is no preset {str(name)[:60]!r}; the presets are: {', '.join(names) or 'none'}.")
    return FOLDER / f"{name}.keras"


def preset_facts(name: str) -> dict[str, Any]:
    """What is known of a preset.

    Args:
        name: Its name.

    Returns:
        `class_name` and `version` (str), `description` (str), `parameters` (int), `config` and `record`: those of the
        run that it was trained in.

    Raises:
        InputError: If there is no preset of that name, or its file is damaged.

    Example:
        >>> preset_facts("photographs")["class_name"]
        'UNet'
    """
    path = preset_file(name).with_suffix(".json")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or not {"class_name", "version", "config", "record"} <= facts.keys():
            raise ValueError("it does not describe a network")
        if not isinstance(facts["record"], dict) or not isinstance(facts["config"], dict):
            raise ValueError("it does not describe a training")
        facts["config"]["command"]  # without which nothing of it can be told
        return facts
    except (OSError, ValueError, KeyError) as error:
        raise damaged(name, f"{path} cannot be read: {reason(error)}") from None


def damaged(name: str, why: object) -> InputError:
    """What to raise where the files of a preset are not what was installed."""
    return InputError(f"The preset {name} is damaged: {str(why).rstrip('.')}. Install tf_denoise again.")
