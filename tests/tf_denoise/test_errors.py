import pytest

from tf_denoise.errors import InputError, exit_on_input_error


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
