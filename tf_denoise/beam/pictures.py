"""`DenoisePictures`: paths of pictures in, denoised pictures and a record of each out."""

import os
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tf_denoise.beam.places import brought_here, place_below, sent_there
from tf_denoise.checks import finite_number, one_of, whole_number
from tf_denoise.errors import as_sentence
from tf_denoise.pictures.files import DECODABLE, PictureError, read_picture, shown, write_picture
from tf_denoise.pictures.remarks import lost_remark, noise_remark

NAMESPACE = "tf_denoise"
"""Of the counters `pictures`, `failures` and `pixels`."""
RECORDS, FAILURES = "records", "failures"


class DenoisePictures(beam.PTransform):
    """Denoises picture files: a `PTransform` from paths to a record of each.

    Every worker loads the network once. A picture that cannot be denoised does not stop the others: it goes to the
    output `failures` with a sentence. Each result is named by its picture and written whole, so a bundle that a runner
    tries again writes the same bytes over what stands there. Counters, in the namespace `tf_denoise`: `pictures`,
    `failures`, `pixels`.

    Args:
        output: The folder to write to, on any file system that Beam knows.
        root: Results keep their paths below this folder. Empty: all go to `output` under their names alone, which must
            then be unlike.
        model: A preset, a run folder or a `.keras` file; every worker must be able to read it.
        strength: From 0 to 1, how much of the noise is taken away.
        ensemble: 8 takes the mean over the eight flips and turns, 1 the picture as it is.
        mixed_precision: `"none"` computes in float32, `"bfloat16"` in that. All workers must do alike, so none
            measures which is faster.
        quality: JPEG quality, 1 to 100.

    Input: `PCollection` of paths (`str`).

    Output: `records`, dictionaries of `input`, `output`, `height`, `width` and `remarks` (sentences); `failures`,
    dictionaries of `input` and `reason` (a sentence).

    Raises:
        ValueError: If an argument is not what it should be.

    Reference:
        - [Apache Beam programming guide](https://beam.apache.org/documentation/programming-guide/)

    Example:
        ```python
        with beam.Pipeline(options=options) as pipeline:
            done = pipeline | beam.Create(["gs://shots/a.png"]) | DenoisePictures("gs://denoised")
            done.failures | beam.Map(json.dumps) | beam.io.WriteToText("gs://denoised/failures")
        ```
    """

    def __init__(
        self,
        output: str,
        root: str = "",
        model: str = "photographs",
        strength: float = 1.0,
        ensemble: int = 1,
        mixed_precision: str = "none",
        quality: int = 95,
    ):
        super().__init__()
        if finite_number(strength, most=1.0) is None:
            raise ValueError(f"strength lies in 0..1; received {strength!r}.")
        if ensemble not in (1, 8):
            raise ValueError(f"ensemble is 1, or 8 for all flips and turns; received {ensemble!r}.")
        if whole_number(quality, 1) is None or quality > 100:
            raise ValueError(f"quality is an integer from 1 to 100; received {quality!r}.")
        one_of(mixed_precision, ("none", "bfloat16"), "mixed_precision on Beam")
        self.output, self.root, self.model = str(output), str(root), str(model)
        self.strength, self.ensemble = strength, ensemble
        self.mixed_precision, self.quality = mixed_precision, quality

    def expand(self, paths):
        """The records and the failures of paths."""
        spread = paths | "Deal out" >> beam.Reshuffle()  # or the worker that found the paths would keep all of them
        return spread | "Denoise" >> beam.ParDo(_Denoise(self)).with_outputs(FAILURES, main=RECORDS)


class _Denoise(beam.DoFn):
    """Denoises one picture after the other with the network of its process."""

    def __init__(self, options: DenoisePictures):
        self.options, self.shared = vars(options).copy(), Shared()
        self.counters = {name: Metrics.counter(NAMESPACE, name) for name in ("pictures", FAILURES, "pixels")}
        self.network: _Network | None = None

    def setup(self) -> None:
        """Take the network that the threads of a worker share."""
        self.network = self.shared.acquire(lambda: _Network(self.options))

    def process(self, path: str) -> Iterator:
        """Write the denoised picture; its record, or the sentence that says why there is none."""
        try:
            record = self._denoised(path)
        except PictureError as error:
            reason = str(error)
        except (ValueError, MemoryError) as error:
            reason = as_sentence(f"{shown(path)} cannot be denoised: {str(error) or 'there is not enough memory.'}")
        else:
            self.counters["pictures"].inc()
            self.counters["pixels"].inc(record["height"] * record["width"])
            yield record
            return
        self.counters[FAILURES].inc()
        yield beam.pvalue.TaggedOutput(FAILURES, {"input": shown(path), "reason": reason})

    def _denoised(self, path: str) -> dict:
        target = FileSystems.join(self.options["output"], place_below(path, self.options["root"]))
        if target == path:
            raise PictureError(path, "would be overwritten; choose another output: originals stay as they are")
        with brought_here(path) as file:
            try:
                picture = read_picture(file, DECODABLE)
            except PictureError as error:
                raise PictureError(path, error.reason) from error
            denoised = self.network.denoise(picture.values)
            with sent_there(target) as place:
                write_picture(place, denoised, picture, self.options["quality"])
        remarks = [noise_remark(path, picture.values, self.network.trained_range), lost_remark(path, picture.lost)]
        return {
            "input": shown(path),
            "output": shown(target),
            "height": picture.values.shape[0],
            "width": picture.values.shape[1],
            "remarks": [remark for remark in remarks if remark],
        }


class _Network:
    """A loaded network, and the noise that it knows."""

    def __init__(self, options: dict):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from tf_denoise.runs.loading import load_for_use
        from tf_denoise.tiling import TiledDenoiser
        from tf_denoise.tiling.precision import choose_precision

        loaded = load_for_use(options["model"])
        model, _ = choose_precision(loaded.model, options["mixed_precision"], 0.0)
        self.denoise = TiledDenoiser(model, strength=options["strength"], ensemble=options["ensemble"])
        self.trained_range = loaded.trained_range
