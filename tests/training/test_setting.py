import importlib.metadata

import keras

from training.setting import environment, precision


def test_precision_holds_within_the_block_alone():
    with precision("bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_the_environment_names_versions_and_machine():
    found = environment()
    assert found["keras"] == importlib.metadata.version("keras")
    assert found["cores"] >= 1
    assert "CPU" in found["devices"]
