import keras

from training.setting import derive_seed, environment, precision


def test_seeds_are_31_bit_and_differ_by_every_word():
    seeds = [
        derive_seed(*words) for words in [(0, 1, "a"), (0, 1, "b"), (0, 2, "a"), (1, 1, "a"), (0, "1", "a"), (0, 1)]
    ]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert derive_seed(0, 1, "a") == seeds[0]


def test_precision_holds_within_the_block_alone():
    with precision("bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_the_environment_names_versions_and_machine():
    found = environment()
    assert found["keras"] == keras.__version__
    assert found["cores"] >= 1
    assert "CPU" in found["devices"]
