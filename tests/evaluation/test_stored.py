import pytest

from evaluation.stored import StoredOptions
from tf_denoise.errors import InputError
from tf_denoise.runs.writing import write_json


def test_options_are_plain_values(tmp_path):
    write_json(tmp_path / "config.json", {"command": "textures", "seed": 3, "sigma": [5, 55]})
    options = StoredOptions(tmp_path, "textures")
    assert (options.command, options["seed"], options.only("sigma")) == ("textures", 3, {"sigma": [5, 55]})
    assert dict(options)["sigma"] == [5, 55]
    assert StoredOptions(tmp_path).command == "textures"


def test_an_option_that_is_missing_is_named(tmp_path):
    write_json(tmp_path / "config.json", {"command": "textures"})
    with pytest.raises(InputError, match=r"^The config\.json of the run lacks 'crop_size': it was written by another"):
        StoredOptions(tmp_path).only("command", "crop_size")


@pytest.mark.parametrize("stored", [[], {}, "text", {"command": "cooking"}, {"command": None}, {"command": []}])
def test_what_is_not_the_configuration_of_a_run_is_refused(tmp_path, stored):
    write_json(tmp_path / "config.json", stored)
    with pytest.raises(InputError, match=r"is not a run folder: its config\.json is not that of a run"):
        StoredOptions(tmp_path)


def test_a_run_of_another_command_is_refused(tmp_path):
    write_json(tmp_path / "config.json", {"command": "iterative"})
    with pytest.raises(InputError, match=r"is not the folder of a run on photographs\.$"):
        StoredOptions(tmp_path, "textures")
    write_json(tmp_path / "config.json", {"command": "textures"})
    with pytest.raises(InputError, match=r"is not the folder of an iterative run\.$"):
        StoredOptions(tmp_path, "iterative")
