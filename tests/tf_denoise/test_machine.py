"""Everything imports, and tells cores and memory, where a system lacks what Linux has."""

import os

import pytest
from helpers import ROOT, python

from tf_denoise import machine

HIDE = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "sysconf", "sysconf_names", "getuid", "geteuid", "fork", "uname", "getloadavg"):
    if hasattr(os, name):
        delattr(os, name)
"""


@pytest.mark.slow
@pytest.mark.process
def test_every_module_imports_on_a_system_with_less():
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in ("tf_denoise", "evaluation", "training")
        for path in (ROOT / package).rglob("*.py")
    )
    # TensorFlow and what it imports may use what they like; they know other systems.
    code = (
        "import keras, keras_hub, matplotlib.figure, jinja2, scipy.ndimage, scipy.stats, cv2, tyro, pydantic\n"
        f"{HIDE}import importlib\nfailed = []\nfor name in {modules!r}:\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except (ImportError, AttributeError) as error:\n        failed.append((name, str(error)))\n"
        "from tf_denoise.machine import memory, usable_cores\n"
        "print(usable_cores() >= 1, memory() == 8 * 2**30, failed)\n"
    )
    result = python("-c", code)
    assert result.stdout.strip() == "True True []", result.stderr


def test_cores_and_memory_are_those_of_the_system():
    if hasattr(os, "sched_getaffinity"):
        assert machine.usable_cores() == len(os.sched_getaffinity(0))
    assert machine.memory() > 2**28


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_a_system_that_does_not_tell_its_memory_has_the_default(monkeypatch, error):
    def fail(name):
        raise error(name)

    monkeypatch.setattr(os, "sysconf", fail, raising=False)
    assert machine.memory() == machine.DEFAULT_MEMORY


def test_cores_without_an_affinity_are_those_of_the_machine(monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    assert machine.usable_cores() == os.cpu_count()
