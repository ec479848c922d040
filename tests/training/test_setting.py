import importlib.metadata
import os
import types

import keras
import pytest

from evaluation.source import source
from tf_denoise.errors import InputError
from tf_denoise.hosts.hosts import Hosts
from training.setting import check_precision, environment, precision


def test_precision_holds_within_the_block_alone():
    with precision("bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_the_environment_names_versions_and_machine():
    found = environment()
    assert found["keras"] == importlib.metadata.version("keras")
    assert found["cores"] >= 1
    assert "CPU" in found["devices"]
    assert found["processor"]
    assert found["source"] == source()


@pytest.mark.parametrize("known", [4, None])
def test_the_environment_is_known_where_the_system_does_not_say_which_cores_are_ours(monkeypatch, known):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS and Windows
    monkeypatch.setattr(os, "cpu_count", lambda: known)
    assert environment()["cores"] == (known or 1)


def test_float16_is_refused_on_several_devices():
    def hosts_of(devices):
        return Hosts(types.SimpleNamespace(num_replicas_in_sync=devices))

    check_precision("float16", hosts_of(1))
    check_precision("bfloat16", hosts_of(2))
    with pytest.raises(InputError, match="float16 trains on one device; there are 2: take bfloat16"):
        check_precision("float16", hosts_of(2))
