"""`keras.models.load_model` finds our classes, in any process, and says in a sentence what they need."""

import ast
import importlib.util
import json
import re
import shutil
import zipfile

import keras
import numpy as np
import pytest
from helpers import ROOT, python
from keras_parts import vit_unet

from tf_denoise import losses, metrics, models, noise
from tf_denoise.registration import NAMES, TENSORFLOW_NAMES

OTHER_BACKEND = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="another backend of Keras needs jax, its numpy backend too"
)
LOAD = "model = keras.models.load_model({path!r}); print('loaded', type(model).__name__, type(model.loss).__name__)"
HIDE_KERAS_HUB = "import sys; sys.modules['keras_hub'] = None\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Compiled networks with our losses, metrics and noise, by name."""
    folder = tmp_path_factory.mktemp("files")
    loss = losses.WeightedSumLoss([(0.8, "mse"), (0.2, losses.FrequencySharpnessLoss())])
    measures = [metrics.PSNR(1.0), metrics.SSIM(1.0, filter_size=3), *loss.member_metrics()]
    nets = {"unet": models.UNet(1, (4, 6)), "vit_unet": vit_unet()}
    inputs = keras.Input((9, 7, 1))
    noisy = noise.SaltAndPepper(noise.MixedLevel(), seed=1)(inputs)
    nets["noise"] = keras.Model(inputs, models.UNet(1, (4, 6))(noise.AdditiveGaussian(0.1, seed=1)(noisy)))
    for name, net in nets.items():
        net.compile("adam", loss, metrics=measures)
        net.save(folder / f"{name}.keras")
    models.UNet(1, (4, 6)).save(folder / "plain.keras")
    return folder


def printed(code: str, **environment) -> str:
    """The last line that code prints in a fresh process."""
    result = python("-c", code, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("start", ["import keras, tf_denoise", "import tf_denoise, keras; tf_denoise.register()"])
def test_a_fresh_process_loads_compiled_networks(files, start):
    code = start + "\n" + "\n".join(LOAD.format(path=str(files / f"{n}.keras")) for n in ("noise", "vit_unet", "unet"))
    assert printed(code) == "loaded UNet WeightedSumLoss"


@pytest.mark.process
def test_the_package_alone_loads_neither_tensorflow_nor_keras():
    code = "import sys, tf_denoise; print({'keras', 'tensorflow', 'keras_hub'} & set(sys.modules))"
    assert printed(code) == "set()"


@pytest.mark.slow
@pytest.mark.process
def test_importing_it_after_keras_does_not_load_keras_hub():
    assert printed("import sys, keras, tf_denoise; print('keras_hub' in sys.modules)") == "False"


@pytest.mark.slow
@pytest.mark.process
def test_without_keras_hub_all_but_its_networks_load(files):
    code = HIDE_KERAS_HUB + "import keras, tf_denoise\n" + LOAD.format(path=str(files / "unet.keras"))
    assert printed(code) == "loaded UNet WeightedSumLoss"


@pytest.mark.slow
@pytest.mark.process
def test_without_keras_hub_a_transformer_says_which_extra_it_needs(files):
    path = str(files / "vit_unet.keras")
    uses = [
        f"keras.models.load_model({path!r})",
        "tf_denoise.models.small_vit()",
        "tf_denoise.models.load_vit('vit_base_patch16_224_imagenet')",
        f"tf_denoise.loading.load_file({path!r})",
    ]
    code = HIDE_KERAS_HUB + "import keras, tf_denoise, tf_denoise.loading\n"
    for use in uses:
        code += f"try:\n    {use}\nexcept ValueError as error:\n    print(error)\n"
    result = python("-c", code)
    told = result.stdout.strip().splitlines()
    assert len(told) == len(uses), result.stderr
    for sentence in told:
        assert "keras_hub" in sentence
        assert "is not installed" in sentence
        assert sentence.endswith('pip install ".[vit]" in a copy of tf_denoise brings it.')


@pytest.mark.process
@OTHER_BACKEND
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_another_backend_loads_what_runs_on_it(files, backend):
    images = np.random.default_rng(0).random((2, 9, 7, 1), "float32")
    expected = keras.models.load_model(files / "plain.keras")(images)
    code = (
        "import keras, tf_denoise, numpy as np\n"
        f"model = keras.models.load_model({str(files / 'plain.keras')!r})\n"
        "images = np.random.default_rng(0).random((2, 9, 7, 1), 'float32')\n"
        "print(keras.config.backend(), np.asarray(model(images)).astype('float64').tolist())"
    )
    name, _, values = printed(code, KERAS_BACKEND=backend).partition(" ")
    assert name == backend
    np.testing.assert_allclose(json.loads(values), expected, atol=1e-5)


@pytest.mark.process
@OTHER_BACKEND
@pytest.mark.parametrize("name", ["FrequencySharpnessLoss", "SSIM", "SaltAndPepper"])
def test_another_backend_says_what_needs_tensorflow(name):
    module = next(module for module, names in TENSORFLOW_NAMES.items() if name in names)
    argument = "1.0" if name == "SSIM" else ""
    code = (
        "import keras, tf_denoise, importlib\n"
        "for use in (\n"
        f"    lambda: keras.saving.get_registered_object('tf_denoise>{name}').from_config({{}}),  # as a file does\n"
        f"    lambda: importlib.import_module({module!r}).{name}({argument}),\n"
        "):\n"
        "    try:\n        use()\n    except ValueError as error:\n        print(error)\n"
    )
    result = python("-c", code, KERAS_BACKEND="numpy")
    assert result.stdout.count(f"{name} needs the TensorFlow backend of Keras, and Keras runs on numpy; set") == 2


def test_the_table_names_every_class_that_registers_itself():
    found = {}
    for path in (ROOT / "tf_denoise").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("register_keras" in ast.unparse(d) for d in node.decorator_list):
                found[node.name] = path
    assert set(found) == {name for names in (NAMES | TENSORFLOW_NAMES).values() for name in names}


def test_no_other_place_registers():
    for package in ("tf_denoise", "evaluation", "training"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"import (keras_hub|tf_denoise\.models\.\w+) +# noqa: F401", text), path


def test_a_layer_of_others_is_still_unknown(files, tmp_path):
    strange = tmp_path / "strange.keras"
    shutil.copy(files / "plain.keras", strange)
    with zipfile.ZipFile(files / "plain.keras") as old, zipfile.ZipFile(strange, "w") as new:
        for item in old.infolist():
            new.writestr(
                item, old.read(item).replace(b"tf_denoise>UNet", b"tf_denoise>Net").replace(b'"UNet"', b'"Net"')
            )
    with pytest.raises(TypeError, match="Could not locate class 'Net'"):
        keras.models.load_model(strange)
