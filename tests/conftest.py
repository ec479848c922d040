"""Fixtures of all tests."""

import gc
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores, and threads that wait for work take them too
    for _threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_threads, "1")

import keras
import numpy as np
import pytest
from helpers import EPOCH_DRAWS, command_line, tiny_arrays
from hypothesis import HealthCheck, settings

# A busy machine is slow, which says nothing about the code.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
keras.config.disable_traceback_filtering()


collect_ignore = ["support"]
"""Not tests; one is a program that a test runs in a process of its own, and that takes the project away."""


def pytest_collection_modifyitems(items):
    """What neither starts processes nor takes long is a unit test."""
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("process", "slow")):
            item.add_marker("unit")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One worker takes a whole file, as its tests share fixtures, and one takes all files that share `tiny_run`.

    The groups of pytest-xdist 3.8 itself have no effect under pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFixture(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "tiny_run" if "tiny_run" in (config.rootpath / file).read_text(encoding="utf-8") else file

    return ByFixture(config, log)


@pytest.fixture(autouse=True)
def _processes_are_marked(request, monkeypatch):
    """A test that starts Python again says so with its marker."""
    start = subprocess.Popen.__init__

    def checked(self, args, *more, **options):
        if sys.executable in map(str, args if isinstance(args, list | tuple) else [args]):
            assert not request.node.get_closest_marker("unit"), "starts a process: mark it with pytest.mark.process"
        return start(self, args, *more, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", checked)


@pytest.fixture(autouse=True, scope="module")
def _collections_stay_cheap():
    """`keras.backend.clear_session` collects garbage: a second each time, had it to look at all that is loaded."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _global_state_of_keras():
    """No test leaves its dtype policy to the next one."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def tiny_npz(tmp_path_factory):
    """An .npz file with 120 training and 24 test digits."""
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez_compressed(path, **tiny_arrays())
    return path


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_npz):
    """A finished run of the whole experiment on tiny data. Tests read it and leave it as it is."""
    import training.iterative.__main__
    import training.iterative.experiment

    folder = tmp_path_factory.mktemp("run") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.iterative.experiment, "EPOCH_DRAWS", EPOCH_DRAWS)
        training.iterative.__main__.main(command_line(tiny_npz, folder))
    return folder
