"""The library imports without its extras, and says in one sentence which one a use needs."""

import pytest
from helpers import ROOT, python

from tf_denoise.extras import EXTRAS, MissingExtraError, check_installed, require

HIDE = f"import sys\nfor name in {sorted(p for ps in EXTRAS.values() for p in ps)!r}:\n    sys.modules[name] = None\n"


@pytest.mark.slow
@pytest.mark.process
def test_the_library_imports_without_extras():
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "tf_denoise").rglob("*.py")
        if path.parent.name != "beam"  # a room of the extra
    )
    code = f"{HIDE}import importlib\nfor name in {modules!r}:\n    importlib.import_module(name)\nprint('done')"
    result = python("-c", code)
    assert result.stdout.strip() == "done", result.stderr


USES = {
    "cv2": ("study", "tf_denoise.explain.overlay_heatmap([[[0.0]]], [[0.0]])"),
    "keras_hub": ("vit", "tf_denoise.models.small_vit()"),
    "tf2onnx": ("export", "tf_denoise.export.export_onnx(None, 'model.onnx')"),
    "sklearn": ("study", "tf_denoise.data.load_digits('digits')"),
    "apache_beam": ("beam", "__import__('tf_denoise.beam')"),
    "openTSNE": ("study", "evaluation.distributions.tsne_embedding([[0.0]])"),
}


@pytest.mark.slow
@pytest.mark.process
def test_a_use_names_the_extra():
    code = f"{HIDE}import tf_denoise, tf_denoise.data, evaluation.distributions\n"
    for _, use in USES.values():
        code += f"try:\n    {use}\nexcept ImportError as error:\n    print(isinstance(error, ValueError), error)\n"
    result = python("-c", code)
    told = result.stdout.strip().splitlines()
    assert len(told) == len(USES), result.stderr
    for sentence, (package, (extra, _)) in zip(told, USES.items(), strict=True):
        advice = f'pip install ".[{extra}]" in a copy of tf_denoise brings it.'
        assert sentence == f"True {package} is needed for this and is not installed; {advice}"


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        ["training.iterative"],
        ["training.textures"],
        ["evaluation", "nowhere"],
        ["evaluation.explain", "nowhere", "nothing.png"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_says_so_before_it_works(command):
    module, *arguments = command
    code = (
        f"{HIDE}import runpy\nsys.argv = ['x', *{arguments!r}]\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__', alter_sys=False)\n"
        "finally:\n"
        "    print('tensorflow' in sys.modules)\n"
    )
    result = python("-c", code)
    assert result.returncode == 2
    assert result.stdout.strip() == "False"
    assert result.stderr.startswith("error: matplotlib and ")
    assert 'pip install ".[report,study]" in a copy of tf_denoise brings them.' in result.stderr
    assert result.stderr.count("\n") == 1


def test_packages_that_are_there_are_given_back_and_others_are_bugs():
    assert require("sklearn.decomposition").PCA
    check_installed(*EXTRAS["report"])
    with pytest.raises(KeyError):
        require("nothing_of_ours")


def test_an_error_within_a_package_is_not_taken_for_its_absence(tmp_path, monkeypatch):
    (tmp_path / "tf2onnx.py").write_text("import a_library_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "tf2onnx", raising=False)
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_there") as caught:
        require("tf2onnx")
    assert not isinstance(caught.value, MissingExtraError)
