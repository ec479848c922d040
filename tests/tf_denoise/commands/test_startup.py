import pytest
from helpers import python

# A stand-in for TensorFlow, which writes as its compiled parts do: on the file descriptor itself.
TENSORFLOW = """
import logging, os, types
os.write(2, b"lines about drivers\\n")
get_logger = lambda: logging.getLogger("tensorflow")
config = types.SimpleNamespace(list_logical_devices=lambda: os.write(2, b"lines about devices\\n"))
if os.environ.get("FAILS"):
    raise ImportError("no such library")
"""
START = """
import os
from tf_denoise.commands.startup import start_tensorflow
start_tensorflow()
import tensorflow
os.write(2, b"mine\\n")
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    return lambda **environment: python("-c", START, PYTHONPATH=str(tmp_path), **environment)


def test_what_tensorflow_writes_at_its_start_is_held_back(start):
    result = start()
    assert (result.returncode, result.stderr) == (0, "mine\n")


def test_what_was_held_back_is_shown_if_the_start_fails(start):
    result = start(FAILS="1")
    assert result.returncode == 1
    assert result.stderr.startswith("lines about drivers\n")
    assert result.stderr.endswith("ImportError: no such library\n")
    assert "mine" not in result.stderr


def test_advice_about_retracing_is_left_out_and_other_warnings_are_not(start, tmp_path):
    (tmp_path / "warns.py").write_text(
        START + "import logging\nfor text in ('5 calls triggered tf.function retracing.', 'heed this'):"
        "\n    logging.getLogger('tensorflow').warning(text)"
    )
    result = python(str(tmp_path / "warns.py"), PYTHONPATH=str(tmp_path))
    assert result.stderr == "mine\nheed this\n"


def test_everything_is_shown_on_demand(start):
    assert start(TF_CPP_MIN_LOG_LEVEL="0").stderr == "lines about drivers\nmine\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_what_a_terminal_cannot_encode_is_printed_as_an_escape(encoding):
    code = (
        "from tf_denoise.commands.startup import print_any_text\n"
        "print_any_text()\nprint('a\\udcff \\u2260')\nprint('whole')"
    )
    result = python("-c", code, PYTHONIOENCODING=f"{encoding}:strict")
    assert result.returncode == 0, result.stderr
    first, last = result.stdout.splitlines()
    assert first.startswith("a\\udcff ")
    assert last == "whole"
