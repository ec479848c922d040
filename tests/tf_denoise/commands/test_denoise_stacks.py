"""`python -m tf_denoise denoise` on stacks: each plane as the network makes it, in a container of the same kind."""

import json

import numpy as np
import pytest
import tifffile
from helpers import files_of, python, refusal
from memory import memory_grows_at_most
from network_checks import gentle_net
from picture_files import noise, photograph

from tf_denoise.__main__ import main
from tf_denoise.commands.denoise_files import denoise_files, plan_jobs
from tf_denoise.commands.denoise_stacks import stack_options

HEIGHT, WIDTH = 24, 20
STACK = np.random.default_rng(0).integers(20_000, 40_000, (3, 2, HEIGHT, WIDTH), "uint16")
IMAGEJ = {"imagej": True, "resolution": (9.0, 9.0), "metadata": {"axes": "ZCYX", "spacing": 3.5, "unit": "um"}}


@pytest.fixture(scope="module")
def model():
    return gentle_net(0.05)


@pytest.fixture(scope="module")
def network(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "model.keras"
    model.save(path)
    return path


def command(network, *inputs, output, **options):
    words = ["denoise", *map(str, inputs), "--model", str(network), "--output", str(output)]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name.replace('_', '-')}", *(() if value is True else map(str, values))]
    return words


def status(arguments) -> int:
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return 0


def by_hand(model, planes, low, high):
    """What the network makes of grey planes `(..., height, width)`, in their own values."""
    shares = ((planes.astype("float64") - low) / (high - low)).astype("float32")
    flat = np.repeat(shares.reshape(-1, *planes.shape[-2:], 1), 3, axis=-1)
    return model(flat).numpy().mean(-1).reshape(planes.shape).astype("float64") * (high - low) + low


def test_stacks_and_pictures_of_a_folder_come_out_as_what_they_were(network, model, tmp_path, capsys):
    zarr = pytest.importorskip("zarr")
    folder, output = tmp_path / "in", tmp_path / "out"
    photograph(folder / "a.png", 20, 30)
    tifffile.imwrite(folder / "stack.tif", STACK, **IMAGEJ)
    colour = noise(4 * HEIGHT, WIDTH, 3).reshape(4, HEIGHT, WIDTH, 3)
    tifffile.imwrite(folder / "colour.tif", colour, photometric="rgb")
    zarr.create_array(
        folder / "deep" / "array.zarr", data=STACK, chunks=(1, 1, HEIGHT, WIDTH), dimension_names=["t", "c", "y", "x"]
    )
    before = files_of(folder)
    assert status(command(network, folder, output=output, jobs=2)) == 0
    assert files_of(folder) == before
    assert sorted(files_of(output)) == sorted(before)
    expected = by_hand(model, STACK, 0, 65_535)
    with tifffile.TiffFile(output / "stack.tif") as tiff:
        assert tiff.series[0].axes == "ZCYX"
        assert (tiff.imagej_metadata["spacing"], tiff.imagej_metadata["unit"]) == (3.5, "um")
        assert tiff.pages[0].resolution == (9.0, 9.0)
        np.testing.assert_allclose(tiff.asarray(), expected, atol=0.51)
    np.testing.assert_allclose(zarr.open_array(output / "deep" / "array.zarr", mode="r")[:], expected, atol=0.51)
    of_colour = 255 * model(colour.astype("float32") / 255).numpy()
    np.testing.assert_allclose(tifffile.imread(output / "colour.tif"), np.clip(of_colour, 0, 255), atol=0.51)
    printed = capsys.readouterr()
    assert "4 of 4 pictures denoised" in printed.out
    words = "stack.tif: 6 planes (Z 3, C 2) of 20 x 24 pixels, uint16; black is 0 and white 65535, the range of uint16."
    assert words in printed.err


def test_planes_and_a_channel_are_taken_alone(network, model, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "stack.tif", STACK, **IMAGEJ)
    options = {"planes=-2:": True, "channel": 1, "value_range": (20_000, 40_000)}
    assert status(command(network, tmp_path / "stack.tif", output=tmp_path / "out", **options)) == 0
    expected = by_hand(model, STACK[1:, 1], 20_000, 40_000)
    np.testing.assert_allclose(tifffile.imread(tmp_path / "out" / "stack.tif"), expected, atol=0.51)
    told = capsys.readouterr().err
    assert "2 of 6 planes (Z 3, C 2)" in told
    assert "black is 20000 and white 40000, as --value-range says." in told


def test_floating_point_is_measured_and_keeps_its_values(network, model, tmp_path, capsys):
    values = np.random.default_rng(1).normal(300, 50, (5, HEIGHT, WIDTH)).astype("float32")
    tifffile.imwrite(tmp_path / "float.tif", values, imagej=True, metadata={"axes": "TYX"})
    assert status(command(network, tmp_path / "float.tif", output=tmp_path / "out")) == 0
    low, high = np.percentile(values, [0.1, 99.9])
    found = tifffile.imread(tmp_path / "out" / "float.tif")
    np.testing.assert_allclose(found, by_hand(model, values, low, high), rtol=1e-5)
    told = f"black is {low:.6g} and white {high:.6g}, percentiles 0.1 and 99.9 of the values."
    assert told in capsys.readouterr().err


def test_values_that_fill_little_of_their_type_are_told(network, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "dark.tif", STACK // 20, imagej=True, metadata={"axes": "ZCYX"})
    assert status(command(network, tmp_path / "dark.tif", output=tmp_path / "out")) == 0
    told = capsys.readouterr().err
    values = STACK[1, 1] // 20  # the middle plane
    assert f"dark.tif has values from {values.min()} to {values.max()} alone: the network sees little contrast" in told


def test_a_report_shows_the_middle_plane(network, tmp_path):
    stack = np.random.default_rng(2).integers(0, 255, (4, 64, 64), "uint8")
    tifffile.imwrite(tmp_path / "stack.tif", stack, imagej=True)
    assert status(command(network, tmp_path / "stack.tif", output=tmp_path / "out", report=True)) == 0
    (found,) = json.loads((tmp_path / "out" / "report.json").read_text())["pictures"]
    assert found["name"] == "stack.tif"


def test_a_damaged_plane_is_told_and_nothing_is_half_written(network, tmp_path, capsys):
    with tifffile.TiffWriter(tmp_path / "bad.tif") as tiff:
        for _ in range(3):
            tiff.write(STACK[0, 0], metadata=None, compression="zlib")
    with tifffile.TiffFile(tmp_path / "bad.tif") as tiff:
        offset = tiff.pages[2].dataoffsets[0]
    data = bytearray((tmp_path / "bad.tif").read_bytes())
    data[offset : offset + 40] = bytes(40)
    (tmp_path / "bad.tif").write_bytes(data)
    assert status(command(network, tmp_path / "bad.tif", output=tmp_path / "out")) == 2
    assert "bad.tif is damaged: its plane 2 cannot be decoded" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


WRONG = {
    "no slice": ({"planes": "ten"}, "--planes takes FIRST:END, counted from 0 and without END, as Python counts"),
    "empty": ({"planes": ""}, "--planes takes FIRST:END"),
    "black above white": ({"value_range": (9, 1)}, "--value-range takes black and then white, black below white"),
    "adapt": ({"adapt": 1}, "--adapt trains a network for each picture, and stacks have too many planes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options_are_refused_in_a_sentence(name, network, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "stack.tif", STACK, **IMAGEJ)
    options, sentence = WRONG[name]
    assert sentence in refusal(capsys, main, command(network, tmp_path / "stack.tif", output=tmp_path / "o", **options))
    assert not (tmp_path / "o").exists()


def test_options_of_stacks_want_a_stack(network, tmp_path, capsys):
    source = photograph(tmp_path / "a.png")
    told = refusal(capsys, main, command(network, source, output=tmp_path / "out", channel=0))
    assert "--channel goes with stacks, and none of the inputs is one; leave it out." in told
    tifffile.imwrite(tmp_path / "s.tif", STACK[:, 0], imagej=True, metadata={"axes": "TYX"})
    for given, word in (({"axes": "TYX"}, "--axes"), ({"fill_missing": True}, "--fill-missing")):
        words = command(network, tmp_path / "s.tif", output=tmp_path / "out", **given)
        told = refusal(capsys, main, [part for part in words if part != "True"])
        assert f"{word} goes with Zarr, and none of the inputs is of it; leave it out." in told


def test_planes_that_are_not_there_fail_alone(network, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "long.tif", STACK[:, 0], imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "short.tif", STACK[:2, 0], imagej=True, metadata={"axes": "TYX"})
    inputs = [tmp_path / "long.tif", tmp_path / "short.tif"]
    assert status(command(network, *inputs, output=tmp_path / "out", planes="2")) == 1
    assert "short.tif has 2 planes, counted from 0, and none of them lies in --planes 2:3." in capsys.readouterr().err
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "long.tif").shape, (HEIGHT, WIDTH))


def identity(values, value_range=None, on_progress=None):
    on_progress(values.shape[0] * values.shape[1])
    return values


def pages(path, count):
    with tifffile.TiffWriter(path) as tiff:
        for number in range(count):
            tiff.write(np.full((16, 16), number % 251, "uint8"), metadata=None, compression="zlib")


def chunks(path, count):
    zarr = pytest.importorskip("zarr")
    made = zarr.create_array(path, shape=(count, 16, 16), chunks=(50, 16, 16), dtype="uint8", dimension_names="tyx")
    for start in range(0, count, 50):
        made[start : start + 50] = start % 251 + 1


@pytest.mark.parametrize("make", [pages, chunks])
def test_memory_does_not_grow_with_the_planes(make, tmp_path):
    """2,000 planes of 16 x 16 shares, denoised or not, would take 2 MB and more for each thing kept of them."""
    for name, count in (("few", 10), ("many", 2_000)):
        make(tmp_path / f"{name}.tif", count)
    (few,), (many,) = (plan_jobs([tmp_path / f"{name}.tif"], tmp_path / "out")[0] for name in ("few", "many"))
    denoise_files([few], identity)
    with memory_grows_at_most(6_000_000):
        assert denoise_files([many], identity).done == 1


@pytest.mark.slow
@pytest.mark.process
def test_the_command_runs_as_a_user_types_it(tmp_path):
    tifffile.imwrite(tmp_path / "stack.ome.tif", STACK, ome=True, metadata={"axes": "ZCYX", "PhysicalSizeX": 0.5})
    words = ["denoise", tmp_path / "stack.ome.tif", "--output", tmp_path / "out", "--planes", "0:2", "--channel", "1"]
    result = python("-m", "tf_denoise", *words)
    assert result.returncode == 0, result.stderr
    with tifffile.TiffFile(tmp_path / "out" / "stack.ome.tif") as tiff:
        assert (tiff.series[0].axes, tiff.series[0].shape) == ("ZYX", (2, HEIGHT, WIDTH))
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        assert tiff.asarray().std() < STACK[:2, 1].std()


def test_the_options_are_what_python_slices():
    given = [stack_options(text, None, None, None, False).planes for text in ("3:7", ":7", "3:", ":", "5", "-2:")]
    numbers = list(range(10))
    assert [numbers[one] for one in given] == [[3, 4, 5, 6], numbers[:7], numbers[3:], numbers, [5], [8, 9]]
