"""`python -m tf_denoise denoise-many`: any number of picture files, on Apache Beam."""

import dataclasses
import json
import logging
import sys
import time
from typing import Annotated, Literal

from pydantic import Field

from tf_denoise.commands.exits import status_of
from tf_denoise.commands.options import checked
from tf_denoise.commands.startup import start_tensorflow
from tf_denoise.errors import InputError, reason
from tf_denoise.extras import check_installed

RECORDS_FILE, FAILURES_FILE = "records.jsonl", "failures.jsonl"
_FOREIGN = ("PortableRunner", "FlinkRunner", "SparkRunner")
"""Runners that take options which Beam for Python does not know."""


@dataclasses.dataclass(frozen=True)
class DenoiseMany:
    """Denoise any number of picture files, on one machine or many, with Apache Beam.

    All options that do not stand here are Beam's: --runner, --direct_num_workers and those of each runner. The output
    gets the pictures, a line for each in records.jsonl, and a line for each that failed in failures.jsonl. The exit
    status is 1 when some pictures failed, 2 when nothing could be done.
    """

    input: str
    """A pattern of picture files on any file system that Beam knows, in quotes: 'shots/**/*.jpg', 'gs://bucket/*.png'.
    Results keep their paths below the part before the first sign of a pattern."""
    output: str
    """The folder to write to."""
    model: str = "photographs"
    """A preset (photographs), a run folder, or a .keras file, that every worker can read."""
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much of the noise is taken away, as in denoise."""
    ensemble: Literal[1, 8] = 1
    """8 takes the mean over the eight flips and turns of each picture, in eight times the time."""
    mixed_precision: Literal["none", "bfloat16"] = "none"
    """Data type that the networks compute in; none is float32. All workers do alike."""
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    """JPEG quality, 1 to 100."""


def denoise_many(options: DenoiseMany, beam_arguments: list[str]) -> int:
    """Run the pipeline to its end; the exit status.

    Args:
        options: Ours.
        beam_arguments: Those of Beam, as words of the command line.

    Raises:
        InputError: If Beam is not installed, an option, the pattern or the model is not what it should be, or the
            pipeline fails.
    """
    checked(options)
    check_installed("apache_beam")
    if not logging.root.handlers:
        logging.basicConfig(level=logging.ERROR)  # Beam warns of packages and options that nobody asked for
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline_options = PipelineOptions(beam_arguments)
    runner = _known_runner(pipeline_options)
    _quieten(pipeline_options)
    _check_pattern(options.input)
    start_tensorflow()
    from tf_denoise.runs.loading import load_for_use

    name = load_for_use(options.model).name  # what is wrong with it is said before workers start
    started = time.monotonic()
    try:
        counts = _run(options, pipeline_options)
    except Exception as error:  # each runner has its own
        raise InputError(f"The pipeline failed on {runner}: {_reason(error)}.") from error
    seconds = time.monotonic() - started
    done, failed, megapixels = counts["pictures"], counts["failures"], counts["pixels"] / 1e6
    dtype = "float32" if options.mixed_precision == "none" else options.mixed_precision
    print(
        f"{done} of {done + failed} pictures denoised by {name} in {dtype}, {megapixels:.2f} megapixels at "
        f"{megapixels / max(seconds, 1e-9):.2f} megapixels per second: {options.output}"
    )
    if failed:
        place = f"{options.output.rstrip('/')}/{FAILURES_FILE}"
        print(f"error: {failed} failed; the reasons stand in {place}.", file=sys.stderr)
    return status_of(done, failed)


def _known_runner(pipeline_options) -> str:
    """The name of the runner, once all options are known.

    Raises:
        InputError: If one is neither ours nor Beam's.
    """
    known = pipeline_options.get_all_options()
    runner = known.get("runner") or "DirectRunner"
    everything = pipeline_options.get_all_options(retain_unknown_options=True)
    unknown = sorted(set(everything) - set(known))
    if unknown and runner not in _FOREIGN:
        raise InputError(f"--{unknown[0]} is neither an option of denoise-many nor one that Beam knows; see --help.")
    return runner


def _quieten(pipeline_options) -> None:
    """Let workers tell of errors alone, unless asked for more: each tells its whole start otherwise."""
    from apache_beam.options.pipeline_options import WorkerOptions

    worker = pipeline_options.view_as(WorkerOptions)
    worker.default_sdk_harness_log_level = worker.default_sdk_harness_log_level or "ERROR"


def _check_pattern(pattern: str) -> None:
    """Refuse a pattern that nothing matches.

    Raises:
        InputError: If nothing does, or its place cannot be looked at.
    """
    from apache_beam.io.filesystems import FileSystems

    try:
        found = FileSystems.match([pattern], limits=[1])[0].metadata_list
    except Exception as error:  # each file system has its own
        raise InputError(f"--input {pattern} cannot be looked at: {reason(error)}.") from error
    if not found:
        raise InputError(f"--input {pattern} matches no file; expected a pattern in quotes, such as 'shots/**/*.jpg'.")


def _reason(error: Exception) -> str:
    """What a runner says. The first line of an error of gRPC says nothing; its details do."""
    if type(error).__name__ == "FutureTimeoutError":  # of gRPC, which says nothing more
        return "the job service does not answer; see --job_endpoint and --job_server_timeout"
    details = getattr(error, "details", None)
    said = details() if callable(details) else None
    return reason(error) if not said else reason(RuntimeError(said))


def _run(options: DenoiseMany, pipeline_options) -> dict[str, int]:
    """What the counters of the finished pipeline say."""
    import apache_beam as beam
    from apache_beam.io import fileio
    from apache_beam.metrics import MetricsFilter

    from tf_denoise.beam.pictures import NAMESPACE, DenoisePictures
    from tf_denoise.beam.places import fixed_folder

    output = options.output.rstrip("/")
    below = output + "/"
    pipeline = beam.Pipeline(options=pipeline_options)
    done = (
        pipeline
        | "Match" >> fileio.MatchFiles(options.input)
        | "Paths" >> beam.Map(lambda found: found.path)
        | "Not results" >> beam.Filter(lambda path: not path.startswith(below))
        | DenoisePictures(
            output,
            fixed_folder(options.input),
            options.model,
            options.strength,
            options.ensemble,
            options.mixed_precision,
            options.quality,
        )
    )
    for part, file in ((done.records, RECORDS_FILE), (done.failures, FAILURES_FILE)):
        lines = part | f"Lines of {file}" >> beam.Map(json.dumps)
        # One shard: a second run writes over what the first left, whatever the number of its workers
        lines | file >> beam.io.WriteToText(f"{below}{file}", num_shards=1, shard_name_template="")
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    counts = {counter.key.metric.name: counter.committed or counter.attempted or 0 for counter in counters}
    return {name: int(counts.get(name, 0)) for name in ("pictures", "failures", "pixels")}
