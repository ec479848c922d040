"""How long to train, and in which precision: found out by timing a few steps."""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

JUDGEMENTS = 20
"""How often a training is judged on the validation photographs at the least."""
JUDGED_EVERY = 600.0
"""Seconds of training after which a long one is judged."""
WORTHWHILE = 0.8
"""Mixed precision is taken where a step takes at most this share of its time in float32."""


class Timing(NamedTuple):
    """Seconds of a training step and of a judgement."""

    step: float
    judgement: float


def choose_precision(network: str, time_steps: Callable[[str, str], Timing]) -> tuple[str, Timing]:
    """The data type to train in, and what was timed in it to find out.

    Args:
        network: The network to time steps of.
        time_steps: Times steps of a network in a precision.

    Example:
        >>> choose_precision("mse", lambda network, precision: Timing(1.0 if precision == "none" else 0.7, 0.1))
        ('bfloat16', Timing(step=0.7, judgement=0.1))
    """
    plain, mixed = (time_steps(network, name) for name in ("none", "bfloat16"))
    return ("bfloat16", mixed) if mixed.step <= WORTHWHILE * plain.step else ("none", plain)


def measure_budget(
    networks: Sequence[str],
    time_steps: Callable[[str, str], Timing],
    *,
    precision: str,
    repeats: int,
    minutes: float | None,
    steps: int | None,
) -> dict:
    """Precision, number of steps, seconds of one: what a run keeps, so that a resumed one trains as long.

    Args:
        networks: The networks that are trained.
        time_steps: Times steps of a network in a precision.
        precision: `auto`, or the data type to train in.
        repeats: How often each network is trained.
        minutes: Time for all trainings together, their start and their judgements; needed without `steps`.
        steps: Steps of each training; rounded up to a multiple of the number of judgements.

    Returns:
        `{"precision": str, "steps": int, "epochs": int, "seconds_per_step": {network: float}}`; each epoch ends with a
        judgement. No seconds where there is nothing to find out: in a given precision, each of few steps is judged.
    """
    if precision != "auto" and steps is not None and steps <= JUDGEMENTS:
        return {"precision": precision, "steps": steps, "epochs": steps, "seconds_per_step": {}}
    started, timed = time.monotonic(), {}
    if precision == "auto":
        precision, timed[networks[0]] = choose_precision(networks[0], time_steps)
    timed |= {name: time_steps(name, precision) for name in networks if name not in timed}
    measuring = time.monotonic() - started
    seconds = {name: timing.step for name, timing in timed.items()}
    slowest = max(seconds.values())
    if steps is None:
        trainings = repeats * len(seconds)
        judgements = max(JUDGEMENTS, math.ceil(60 * minutes / trainings / JUDGED_EVERY))
        judging = judgements * trainings * min(timing.judgement for timing in timed.values())
        starting = repeats * measuring  # each training starts as these did
        left = 60 * minutes - measuring - starting - judging
        steps = max(JUDGEMENTS, int(left / (repeats * sum(seconds.values()))))
    epochs = min(steps, max(JUDGEMENTS, math.ceil(steps * slowest / JUDGED_EVERY)))
    return {
        "precision": precision,
        "steps": epochs * math.ceil(steps / epochs),
        "epochs": epochs,
        "seconds_per_step": seconds,
    }
