"""`python -m tf_denoise denoise-many`: what `denoise` writes, by any runner of Beam."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from helpers import ROOT, files_of, python, refusal
from network_checks import gentle_net
from picture_files import cut, photograph

from tf_denoise.__main__ import main
from tf_denoise.beam import DenoisePictures
from tf_denoise.machine import usable_cores

TWO_PROCESSES = ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A file of a network that changes pictures a little."""
    path = tmp_path_factory.mktemp("network") / "model.keras"
    gentle_net(0.05).save(path)
    return path


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Pictures of several formats, some of them in a folder below."""
    folder = tmp_path_factory.mktemp("shots")
    for number, name in enumerate(["a.png", "b.jpg", "deep/c.tif", "deep/d.png"]):
        photograph(folder / name, 40 + 8 * number, 56, seed=number)
    return folder


@pytest.fixture(scope="module")
def expected(shots, network, tmp_path_factory):
    """What `denoise` writes."""
    output = tmp_path_factory.mktemp("expected")
    main(["denoise", str(shots), "--model", str(network), "--output", str(output), "--mixed-precision", "none"])
    return files_of(output)


def words(shots, network, output, *more) -> list[str]:
    return [
        "denoise-many", "--input", f"{shots}/**", "--output", str(output), "--model", str(network), *more,
    ]  # fmt: skip


def pictures_of(output: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_of(output).items() if not name.endswith(".jsonl")}


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_bytes_are_those_of_denoise_and_each_has_a_record(shots, network, expected, tmp_path, capsys):
    main(words(shots, network, tmp_path / "out"))
    assert pictures_of(tmp_path / "out") == expected
    records = lines_of(tmp_path / "out" / "records.jsonl")
    assert sorted(record["input"] for record in records) == sorted(str(shots / name) for name in expected)
    assert {Path(record["output"]) for record in records} == {tmp_path / "out" / name for name in expected}
    assert all(record["height"] in (40, 48, 56, 64) and record["width"] == 56 for record in records)
    assert lines_of(tmp_path / "out" / "failures.jsonl") == []
    assert "4 of 4 pictures denoised by model in float32, 0.01 megapixels" in capsys.readouterr().out


def test_a_damaged_picture_goes_to_the_failures_and_stops_no_other(shots, network, expected, tmp_path, capsys):
    for name, content in files_of(shots).items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    damaged = cut(tmp_path / "in" / "a.png")
    with pytest.raises(SystemExit) as end:
        main(words(tmp_path / "in", network, tmp_path / "out"))
    assert end.value.code == 1
    assert pictures_of(tmp_path / "out") == {name: content for name, content in expected.items() if name != "a.png"}
    (failure,) = lines_of(tmp_path / "out" / "failures.jsonl")
    assert failure["input"] == str(damaged)
    assert failure["reason"].startswith(f"{damaged} ")
    assert "error: 1 failed; the reasons stand in" in capsys.readouterr().err


def test_a_second_run_writes_the_same_over_the_first_and_takes_no_result_for_a_picture(shots, network, tmp_path):
    for name, content in files_of(shots).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    main(words(tmp_path, network, tmp_path / "out"))
    first = files_of(tmp_path / "out")
    main(words(tmp_path, network, tmp_path / "out"))
    second = files_of(tmp_path / "out")
    assert {name: sorted(content.splitlines()) for name, content in first.items()} == {
        name: sorted(content.splitlines()) for name, content in second.items()
    }


def test_the_transform_counts_and_keeps_names_where_no_root_is_given(shots, network, tmp_path):
    pipeline = beam.Pipeline(runner="DirectRunner")
    paths = [str(shots / "deep" / "d.png"), str(shots / "none.png")]
    done = pipeline | beam.Create(paths) | DenoisePictures(str(tmp_path), model=str(network))
    (
        done.failures
        | beam.Map(lambda failure: failure["reason"])
        | beam.io.WriteToText(str(tmp_path / "reasons"), shard_name_template="")
    )
    result = pipeline.run()
    result.wait_until_finish()
    counters = {counter.key.metric.name: counter.committed for counter in result.metrics().query()["counters"]}
    assert {name: counters[name] for name in ("pictures", "failures", "pixels")} == {
        "pictures": 1, "failures": 1, "pixels": 64 * 56,
    }  # fmt: skip
    assert (tmp_path / "d.png").exists()
    assert "none.png" in (tmp_path / "reasons").read_text()


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("strength", 1.5, r"strength lies in 0\.\.1"),
        ("ensemble", 4, "ensemble is 1, or 8"),
        ("quality", 0, "quality is an integer from 1 to 100"),
        ("mixed_precision", "auto", "mixed_precision on Beam"),
    ],
)
def test_wrong_arguments_of_the_transform_are_refused(argument, value, message):
    with pytest.raises(ValueError, match=message):
        DenoisePictures("out", **{argument: value})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--stregth", "0.5"], "--stregth is neither an option of denoise-many nor one that Beam knows"),
        (["--model", "no-such-model"], "no-such-model"),
        (["--input", "no/such/*.png"], "matches no file"),
    ],
)
def test_what_cannot_begin_is_refused_in_a_sentence(shots, network, tmp_path, capsys, more, message):
    assert message in refusal(capsys, main, words(shots, network, tmp_path / "out", *more))
    assert not (tmp_path / "out").exists()


def test_without_beam_the_line_that_installs_it_is_said(shots, network, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    assert 'pip install ".[beam]"' in refusal(capsys, main, words(shots, network, tmp_path / "out"))


@pytest.mark.process
@pytest.mark.slow
def test_two_processes_write_the_same_bytes(shots, network, expected, tmp_path):
    result = python("-m", "tf_denoise", *words(shots, network, tmp_path / "out", *TWO_PROCESSES), timeout=600)
    assert result.returncode == 0, result.stderr[-2000:]
    assert pictures_of(tmp_path / "out") == expected


@pytest.mark.process
@pytest.mark.slow
def test_a_portable_runner_writes_the_same_bytes(shots, network, expected, tmp_path):
    """Beam's own job service in a process of its own, to which the pipeline goes as it would to Flink's."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = taken.getsockname()[1]
    service = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", "--port", str(port)]
    portable = ["--runner", "PortableRunner", "--job_endpoint", f"localhost:{port}", "--environment_type", "LOOPBACK"]
    process = subprocess.Popen(service, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        result = python("-m", "tf_denoise", *words(shots, network, tmp_path / "out", *portable), timeout=600)
    finally:
        process.kill()
        process.wait()
    assert result.returncode == 0, result.stderr[-2000:]
    assert pictures_of(tmp_path / "out") == expected


class Rendezvous(Exception):
    """As gRPC has it: what was said stands in its details."""

    def details(self):
        return "The job has no worker.\nmore"

    def __str__(self):
        return "<_MultiThreadedRendezvous of RPC that terminated with:\n\tdetails = ..."


@pytest.mark.parametrize(
    ("error", "said"),
    [(Rendezvous(), "The job has no worker."), (grpc.FutureTimeoutError(), "the job service does not answer;")],
)
def test_what_a_runner_says_over_grpc_is_said(shots, network, tmp_path, capsys, monkeypatch, error, said):
    def fail(pipeline):
        raise error

    monkeypatch.setattr(beam.Pipeline, "run", fail)
    told = refusal(capsys, main, words(shots, network, tmp_path / "out"))
    assert f"The pipeline failed on DirectRunner: {said}" in told


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(usable_cores() < 2, reason="one core has one thread")
def test_workers_have_the_threads_of_denoise_whose_number_decides_the_last_bits(tmp_path):
    """With fewer, sums are made in another order, and one value of some hundred thousand is rounded the other way."""
    for number in range(2):
        photograph(tmp_path / "in" / f"{number}.png", 640, 480, seed=number)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_THREADS")}
    for command, more in (("denoise", ["--mixed-precision", "none"]), ("denoise-many", TWO_PROCESSES)):
        arguments = words(tmp_path / "in", "photographs", tmp_path / command, *more)
        if command == "denoise":
            arguments[:3] = ["denoise", str(tmp_path / "in")]
        program = [sys.executable, "-m", "tf_denoise", *arguments]
        subprocess.run(program, cwd=ROOT, env=environment, check=True, timeout=600, capture_output=True)
    assert pictures_of(tmp_path / "denoise-many") == pictures_of(tmp_path / "denoise") != {}


def workers() -> list[int]:
    """The processes that Beam's workers run in, not the shells that started them."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if b"apache_beam.runners.worker.sdk_worker_main" in words and b"python" in words[0]:
            found.append(int(place.name))
    return found


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in /proc")
def test_where_a_worker_is_killed_the_same_command_again_gives_the_same_bytes(network, tmp_path):
    for number in range(24):
        photograph(tmp_path / "in" / f"{number}.png", 512, 512, seed=number)
    arguments = words(tmp_path / "in", network, tmp_path / "out", *TWO_PROCESSES)
    main(["denoise", str(tmp_path / "in"), "--model", str(network), "--output", str(tmp_path / "expected")])
    process = subprocess.Popen(
        [sys.executable, "-m", "tf_denoise", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while not list((tmp_path / "out").glob("*.png")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(workers()[0], signal.SIGKILL)
    _, told = process.communicate(timeout=600)
    assert process.returncode == 2
    assert told.splitlines()[-1].startswith("error: The pipeline failed on DirectRunner")
    result = python("-m", "tf_denoise", *arguments, timeout=600)
    assert result.returncode == 0, result.stderr[-2000:]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.png")} == files_of(
        tmp_path / "expected"
    )
