"""How the trainings of a run went, and which of them fell."""

from collections.abc import Callable, Mapping

import numpy as np

from evaluation.textures.run import TextureRun, method_title
from tf_denoise.runs.contents import best_psnr

SETBACK = 3.0
"""Decibels of validation PSNR below the best so far that are no fluctuation: twice the squared error."""


def setbacks(records: Mapping[tuple[int, str], dict], title: Callable[[str], str] = method_title) -> list[str]:
    """A sentence for each training whose validation PSNR fell far below its best, and that was not led back to it.

    Args:
        records: By (repeat, network): `steps`, and `history` with `val_psnr` in dB at equal distances in steps.
        title: What a network is called.

    Example:
        >>> setbacks({(1, "regional"): {"steps": 40, "history": {"val_psnr": [28.0, 30.0, 7.0, 12.0]}}})[0]
        'Regional loss: training fell from 30.0 to 7.0 dB of validation PSNR, and ended at 12.0; the network is that \
of step 20 of 40. A smaller --learning-rate may avoid this.'
    """
    found = []
    for (repeat, name), record in records.items():
        if record.get("falls"):  # it was led back, and the report says so
            continue
        psnr = np.nan_to_num(record["history"].get("val_psnr") or [0.0])
        fall = np.maximum.accumulate(psnr) - psnr
        lowest = int(fall.argmax())
        if fall[lowest] > SETBACK:
            words = title(name) + (f", repeat {repeat}" if max(key[0] for key in records) > 1 else "")
            kept = round(record["steps"] * (int(psnr.argmax()) + 1) / len(psnr))
            found.append(
                f"{words}: training fell from {psnr[:lowest].max():.1f} to {psnr[lowest]:.1f} dB of validation PSNR, "
                f"and ended at {psnr[-1]:.1f}; the network is that of step {kept:,} of {record['steps']:,}. A smaller "
                "--learning-rate may avoid this."
            )
    return found


def training_rows(run: TextureRun) -> list[dict]:
    """A row per network: its title, weights, steps of each repeat, mean minutes, mean best validation PSNR."""
    rows = []
    for name in run.names:
        mine = [run.records[repeat, name] for repeat in range(1, run.repeats + 1)]
        psnr = [value for record in mine if (value := best_psnr(record)) is not None]
        rows.append(
            {
                "title": run.title(name),
                "parameters": run.parameters[name],
                "steps": [record["steps"] for record in mine],
                "minutes": float(np.mean([record["seconds"] for record in mine])) / 60,
                "psnr": float(np.mean(psnr)) if psnr else None,
            }
        )
    return rows
