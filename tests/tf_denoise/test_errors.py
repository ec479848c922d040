"""Messages that are one line, whatever was put into them."""

import os

import keras
import pytest
from helpers import python

from tf_denoise.errors import InputError, exit_on_input_error, reason


def test_an_input_error_becomes_its_sentence_and_status_2(capsys):
    with pytest.raises(SystemExit) as end, exit_on_input_error():
        raise InputError("This is wrong.")
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: This is wrong.\n"
    assert end.value.__suppress_context__


def test_any_other_error_goes_through():
    with pytest.raises(ValueError, match="a bug"), exit_on_input_error():
        raise ValueError("a bug")


def test_an_input_error_is_a_value_error_in_user_code():
    assert issubclass(InputError, ValueError)


def keras_message() -> str:
    """What Keras says of a configuration that it cannot read: a whole configuration on several lines."""
    layer = keras.layers.Dense(3, kernel_initializer="he_normal", kernel_regularizer="l2").get_config()
    with pytest.raises(TypeError) as caught:
        keras.layers.Dense.from_config({**layer, "no_such": 1})
    return str(caught.value)


def is_a_message(text: str) -> bool:
    return len(text) <= 300 and text.isprintable() and text.endswith(".") and text == text.strip()


NAMES = {
    "plain": "/data/a.keras",
    "line ends": "/data/a\nb\r\n\u2028c.keras",
    "not utf-8": os.fsdecode(b"/data/caf\xe9\xff.keras"),
    "terminal": "/data/\x1b[31mred\x07\x00.keras",
    "long": "/data/" + "x" * 4000,
    "lone surrogate": "/data/\ud800.keras",
    "direction": "/data/\u202egnp.keras",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", ["", ".", "...", "\n", ". Choose another --output."])
def test_a_message_is_one_short_line_that_ends_in_a_full_stop(name, end):
    message = str(InputError(f"{NAMES[name]} cannot be loaded: {keras_message()}{end}"))
    assert is_a_message(message)
    assert message.startswith(
        ("/data/a", "/data/caf\\xe9\\xff", "/data/\\x1b[31mred\\x07\\x00", "/data/x", "/data/\\u")
    )
    message.encode("utf-8")


def test_what_is_to_be_done_stays_where_a_message_is_cut():
    message = str(InputError("x" * 500 + "; choose another --output."))
    assert is_a_message(message)
    assert message.endswith("; choose another --output.")


@pytest.mark.parametrize("text", ["short", "short.", "short. ", "a\\b", "Fréchet 中文 ±1 µm."])
def test_a_message_that_is_one_stays_as_it_is(text):
    assert str(InputError(text)) == text.strip().rstrip(".") + "."


def test_a_foreign_reason_is_its_first_line_and_short():
    assert len(keras_message()) > 600
    assert reason(TypeError(keras_message())) == "Unrecognized keyword arguments passed to Dense: {'no_such': 1}"
    for message in (keras_message().replace("Exception encountered", ""), "x" * 1500, "a.keras\n" * 200):
        found = reason(TypeError(message))
        assert 0 < len(found) <= 160
        assert found.isprintable()
        assert not found.endswith(".") or found.endswith(" ...")
    assert reason(ValueError()) == reason(ValueError("  \n ")) == "ValueError"
    assert reason(OSError("Disk full.\nand more")) == "Disk full"


@pytest.mark.process
def test_a_name_that_is_not_utf_8_is_shown_by_a_command(tmp_path):
    code = (
        "import sys\n"
        "from tf_denoise.errors import InputError, exit_on_input_error\n"
        "with exit_on_input_error(): raise InputError(f'{sys.argv[1]} is missing.')\n"
    )
    result = python("-c", code, os.fsdecode(b"caf\xe9\n.png"), PYTHONIOENCODING="utf-8:strict")
    assert (result.returncode, result.stderr) == (2, "error: caf\\xe9\\n.png is missing.\n")
