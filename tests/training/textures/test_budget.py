import pytest

from training.textures.budget import JUDGEMENTS, Timing, choose_precision, measure_budget


def clock(**seconds):
    """Times steps as told, by precision."""
    return lambda loss, precision: Timing(seconds[precision], 0.5)


def budget(losses=("mse",), time_steps=None, **changed):
    options = {"precision": "none", "repeats": 1, "minutes": None, "steps": 100}
    return measure_budget(losses, time_steps or clock(none=1.0, bfloat16=0.5), **options | changed)


@pytest.mark.parametrize(("seconds", "expected"), [(0.79, "bfloat16"), (0.81, "none")])
def test_mixed_precision_is_taken_where_it_saves_a_fifth(seconds, expected):
    chosen, timing = choose_precision("mae", clock(none=1.0, bfloat16=seconds))
    assert chosen == expected
    assert timing.step == {"none": 1.0, "bfloat16": seconds}[expected]


@pytest.mark.parametrize(("steps", "expected"), [(1, 1), (6, 6), (20, 20), (21, 40), (40, 40), (101, 120)])
def test_steps_are_rounded_up_to_a_multiple_of_the_judgements(steps, expected):
    assert budget(steps=steps)["steps"] == expected


@pytest.mark.parametrize("repeats", [1, 3])
def test_minutes_are_shared_by_all_trainings_and_their_judgements(repeats):
    found = budget(["mse", "wavelet"], repeats=repeats, steps=None, minutes=60)
    trainings = 2 * repeats
    seconds = trainings * (found["steps"] * 1.0 + JUDGEMENTS * 0.5)
    assert seconds == pytest.approx(3600, rel=trainings * JUDGEMENTS / 3600)  # rounded up by 20 steps at most


def test_few_steps_are_not_timed():
    def untimed(network, precision):
        pytest.fail("timed")

    assert budget(["mse", "wavelet"], untimed, steps=20, precision="bfloat16") == {
        "precision": "bfloat16", "steps": 20, "epochs": 20, "seconds_per_step": {},
    }  # fmt: skip
    assert budget(steps=20, precision="auto")["seconds_per_step"] == {"mse": 0.5}


def test_little_time_still_gives_every_judgement_a_step():
    assert budget(steps=None, minutes=0.01)["steps"] == JUDGEMENTS


def test_every_loss_is_timed_once_in_the_precision_that_is_chosen():
    asked = []

    def time_steps(loss, precision):
        asked.append((loss, precision))
        return Timing({"none": 1.0, "bfloat16": 0.5}[precision], 0.1)

    found = budget(["mse", "wavelet"], time_steps, precision="auto")
    assert asked == [("mse", "none"), ("mse", "bfloat16"), ("wavelet", "bfloat16")]
    seconds = {"mse": 0.5, "wavelet": 0.5}
    assert found == {"precision": "bfloat16", "steps": 100, "epochs": 20, "seconds_per_step": seconds}
