"""The sharpness losses against a PyTorch rendition of the post they come from.

    python benchmarks/losses.py            # all measurements; prints the tables of benchmarks/README.md
    python benchmarks/losses.py --step     # and what a loss adds to a training step of a texture U-Net

Every measurement is a process of its own, so that neither framework's threads nor memory disturb the other's; the
processes of both take turns. Value and gradient of both must agree to 1e-5 or the run fails.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH, SIZE, WINDOW, STEP = 8, 224, 32, 16
CACHE_IMAGES = 64
ROUNDS, CALLS = 3, 15
PAIRED = ["regional, cached target", "frequency, plain", "frequency, weighted", "cache, images/s"]
ALONE = ["regional, image target", "windowed frequency", "wavelet haar", "wavelet db2"]


def images() -> tuple[np.ndarray, np.ndarray]:
    """Target and output, `(8, 224, 224, 3)` in [0, 1]: smooth pictures with grain, and the same with other grain."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE
    waves = [np.sin(2 * np.pi * (3 + k) * (rows + columns * (k % 3))) for k in range(BATCH)]
    smooth = 0.5 + 0.2 * np.stack(waves)[..., None] * np.ones(3)
    return tuple((smooth + 0.1 * rng.normal(size=smooth.shape)).clip(0, 1).astype("float32") for _ in range(2))


def torch_scores(windows):
    """Scores of the windows `(channels, rows, columns, height, width)` of one image."""
    score = 0
    for a, b in (
        (windows[..., :-1], windows[..., 1:]),
        (windows[..., :-1, :], windows[..., 1:, :]),
        (windows[..., :-1, :-1], windows[..., 1:, 1:]),
        (windows[..., :-1, 1:], windows[..., 1:, :-1]),
    ):
        score = score + (a - b).abs().sum(dim=(-2, -1))
    return score.mean(dim=0)


def torch_subject(name: str):
    """What is timed: a call without arguments that gives value and gradient, in the manner of the post."""
    import torch

    y_true, y_pred = (torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))) for x in images())

    def scores(image):
        return torch_scores(image.unfold(1, WINDOW, STEP).unfold(2, WINDOW, STEP))

    if name == "cache, images/s":
        pictures = y_true.repeat(CACHE_IMAGES // BATCH, 1, 1, 1)

        def build():
            cache = {}
            for index, image in enumerate(pictures):
                grid = scores(image)
                cache[str(index)] = [
                    (r * STEP, c * STEP, grid[r, c].item()) for r in range(grid.shape[0]) for c in range(grid.shape[1])
                ]
            return np.array([[score for *_, score in windows] for windows in cache.values()]), np.zeros(1)

        return build

    cached = [scores(image).flatten().sort(descending=True)[0] for image in y_true]

    def regional(output):
        distances = [
            (scores(image).flatten().sort(descending=True)[0] - target).abs().mean()
            for image, target in zip(output, cached, strict=True)
        ]
        return torch.stack(distances).mean() / 1000

    offset = torch.arange(SIZE, dtype=torch.float32) - SIZE // 2
    distance = torch.hypot(offset[:, None], offset[None, :])
    mask = 1 + 2 * distance / distance[0, 0]

    def plain(output):
        return (torch.fft.fft2(output).abs() - torch.fft.fft2(y_true).abs()).abs().mean() / 1000

    def weighted(output):
        a, b = (torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)).abs() for x in (output, y_true))
        return ((a - b).abs() * mask).mean() / 1000

    loss = {"regional, cached target": regional, "frequency, plain": plain, "frequency, weighted": weighted}[name]

    def call():
        output = y_pred.clone().requires_grad_()
        value = loss(output)
        value.backward()
        return value.detach().numpy(), output.grad.numpy().transpose(0, 2, 3, 1)

    return call


def keras_subject(name: str):
    """The same with the losses of this library, in a graph as `fit` makes one."""
    import tensorflow as tf

    from tf_denoise import losses

    arrays = images()
    if name == "cache, images/s":
        pictures = [(str(index), arrays[0][index % BATCH]) for index in range(CACHE_IMAGES)]

        def build():
            cache = losses.build_sharpness_cache(pictures, WINDOW)
            return np.array([[score for *_, score in cache[name]] for name in cache]), np.zeros(1)

        return build

    y_true, y_pred = map(tf.constant, arrays)
    loss = {
        "regional, cached target": losses.RegionalSharpnessLoss(WINDOW),
        "regional, image target": losses.RegionalSharpnessLoss(WINDOW),
        "frequency, plain": losses.FrequencySharpnessLoss(high_freq_weight=0.0),
        "frequency, weighted": losses.FrequencySharpnessLoss(),
        "windowed frequency": losses.WindowedFrequencyLoss(WINDOW),
        "wavelet haar": losses.WaveletSharpnessLoss("haar"),
        "wavelet db2": losses.WaveletSharpnessLoss("db2"),
    }[name]
    if name == "regional, cached target":
        y_true = tf.sort(tf.reshape(losses.sharpness_scores(y_true, WINDOW), [BATCH, -1]), direction="DESCENDING")

    @tf.function
    def value_and_gradient(target, output):
        with tf.GradientTape() as tape:
            tape.watch(output)
            value = loss(target, output)
        return value, tape.gradient(value, output)

    def call():
        value, gradient = value_and_gradient(y_true, y_pred)
        return value.numpy(), gradient.numpy()

    return call


def peak_memory() -> float:
    """The most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(framework: str, name: str, folder: Path) -> None:
    """Time one subject, and leave its value and gradient in `folder`."""
    if framework == "torch":
        import torch

        from tf_denoise.machine import usable_cores

        torch.set_num_threads(usable_cores())
    else:
        import tensorflow  # noqa: F401  (its own memory is not the loss's)
    images()
    before = peak_memory()
    call = (torch_subject if framework == "torch" else keras_subject)(name)
    for _ in range(3):
        value, gradient = call()
    np.savez(folder / f"{framework} {name.replace('/', ' ')}.npz", value=value, gradient=gradient)
    times = []
    for _ in range(3 if name.startswith("cache") else CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": statistics.median(times), "memory": peak_memory() - before}))


def measured(framework: str, name: str, folder: Path) -> dict:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", framework, name, str(folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{framework}, {name}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def difference(name: str, folder: Path) -> float:
    """The largest difference between the frameworks' values and gradients, as a fraction of the largest entry."""
    torch, keras = (np.load(folder / f"{framework} {name.replace('/', ' ')}.npz") for framework in ("torch", "keras"))
    return max(
        float(np.abs(keras[key] - torch[key]).max() / max(np.abs(torch[key]).max(), 1e-30))
        for key in ("value", "gradient")
    )


def compare() -> None:
    """Print the table of both frameworks."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        runs = {}
        for _ in range(ROUNDS):
            for name in PAIRED:
                for framework in ("torch", "keras"):
                    runs.setdefault((framework, name), []).append(measured(framework, name, folder))
            for name in ALONE:
                runs.setdefault(("keras", name), []).append(measured("keras", name, folder))
        print("| measurement | PyTorch | tf_denoise | ratio | memory, PyTorch | memory, tf_denoise | difference |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name in PAIRED + ALONE:
            row, middle = [name], {}
            for framework in ("torch", "keras"):
                if (framework, name) in runs:
                    middle[framework] = {
                        key: statistics.median(run[key] for run in runs[framework, name])
                        for key in ("seconds", "memory")
                    }
            shown = {
                framework: f"{CACHE_IMAGES / m['seconds']:.0f} /s"
                if "images/s" in name
                else f"{1e3 * m['seconds']:.1f} ms"
                for framework, m in middle.items()
            }
            ratio = f"{middle['torch']['seconds'] / middle['keras']['seconds']:.1f} x" if len(middle) == 2 else ""
            memory = {framework: f"{m['memory']:.0f} MB" for framework, m in middle.items()}
            agreement = ""
            if len(middle) == 2:
                agreement = f"{difference(name, folder):.0e}"
                if difference(name, folder) > 1e-5:
                    raise RuntimeError(f"{name}: the frameworks differ by {agreement}")
            row += [shown.get("torch", ""), shown["keras"], ratio, memory.get("torch", ""), memory["keras"], agreement]
            print("| " + " | ".join(row) + " |")


def texture_unet():
    """The U-Net of the post's series: 64, 128, 256 channels, 512 at the bottom."""
    from keras import Input, Model, layers

    def block(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    inputs = x = Input((SIZE, SIZE, 3))
    skips = []
    for filters in (64, 128, 256):
        x = block(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(x, 512)
    for filters, skip in zip((256, 128, 64), reversed(skips), strict=True):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = block(layers.Concatenate()([x, skip]), filters)
    return Model(inputs, layers.Conv2D(3, 1)(x))


def compare_steps(rounds: int = 7) -> None:
    """Print what each loss adds to a training step; the losses take turns in one process."""
    import keras
    import tensorflow as tf

    from tf_denoise import losses

    auxiliary = {
        "mse": None,
        "mse + regional": losses.RegionalSharpnessLoss(WINDOW),
        "mse + frequency": losses.FrequencySharpnessLoss(),
        "mse + windowed frequency": losses.WindowedFrequencyLoss(WINDOW),
        "mse + wavelet": losses.WaveletSharpnessLoss(),
    }
    y_true, y_pred = map(tf.constant, images())
    model = texture_unet()

    def training_step(loss):
        optimizer = keras.optimizers.Adam(1e-4)
        optimizer.build(model.trainable_variables)

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                value = loss(y_true, model(y_pred, training=True))
            optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
            return value

        return step

    steps = {
        name: training_step(losses.WeightedSumLoss([(0.8, "mse")] + ([(0.2, loss)] if loss else [])))
        for name, loss in auxiliary.items()
    }
    times = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step().numpy()
            if turn:  # the first one traces
                times[name].append(time.perf_counter() - start)
    print("| loss | training step | added, median (least to most of the turns) |")
    print("| --- | ---: | ---: |")
    for name, seconds in times.items():
        added = sorted(100 * (mine / base - 1) for mine, base in zip(seconds, times["mse"], strict=True))
        row = f"{statistics.median(added):+.1f} % ({added[0]:+.1f} to {added[-1]:+.1f})"
        print(f"| {name} | {statistics.median(seconds):.2f} s | {row} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", action="store_true", help="also time training steps of a texture U-Net")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure[:2], Path(arguments.measure[2]))
    else:
        compare()
        if arguments.step:
            print()
            compare_steps()
