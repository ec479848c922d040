"""How fast is the training step, against PyTorch and against the machine's matrix product?

    python benchmarks/training_step.py

The project's side is what `python -m training.iterative` runs for the multi-level parent: `ChainTrainer` on
`chain_batches`, compiled and fitted as there. PyTorch's side is the same net, loss, Adam and noise on the same data.
Either side has a process of its own; they take turns within each round, and the ratios are formed within the round.
"""

import argparse
import itertools
import statistics
import time

import numpy as np
from peers import Peer, machine, serve

SIZE, HIDDEN = 784, (512, 256, 512)


def flops(batch: int) -> dict[str, float]:
    """Floating-point operations of a training step; a multiply-add counts as two.

    `exact` counts forward, weight gradients and input gradients of the matrix products; the first layer needs no
    input gradient. `customary` is 6 x parameters x batch. Noise, biases, activations and Adam count in neither.
    """
    widths = (SIZE, *HIDDEN, SIZE)
    weights = [a * b for a, b in itertools.pairwise(widths)]
    parameters = sum(weights) + sum(widths[1:])
    return {"exact": 2.0 * batch * (3 * sum(weights) - weights[0]), "customary": 6.0 * parameters * batch}


def random_digits(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE), dtype="uint8")


def best_product(multiply, make, sides) -> float:
    """Operations per second of the best product of large square float32 matrices."""
    best = 0.0
    for side in sides:
        a, b = make(side), make(side)
        multiply(a, b)
        for _ in range(max(3, 6144 // side)):
            start = time.perf_counter()
            multiply(a, b)
            best = max(best, 2.0 * side**3 / (time.perf_counter() - start))
    return best


def serve_project(options) -> None:
    from tf_denoise.commands.startup import start_tensorflow

    start_tensorflow()
    import keras
    import tensorflow as tf

    from tf_denoise.fitting.loop import steps_per_execution
    from tf_denoise.models import DenseAutoencoder
    from tf_denoise.noise import SaltAndPepper, level_schedule
    from training.iterative.lineage import ChainTrainer, chain_batches, to_signed

    keras.utils.set_random_seed(0)
    clean = to_signed(random_digits(options.images))
    noise = SaltAndPepper(level_schedule("multi"))
    trainer = ChainTrainer(DenseAutoencoder(SIZE, HIDDEN), [], [noise], noise)
    epoch = max(1, round(60_000 / options.batch))
    at_once = steps_per_execution(epoch)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 39 * epoch, warmup_target=3e-3, warmup_steps=epoch)
    trainer.compile(keras.optimizers.Adam(schedule), "mse", jit_compile=True, steps_per_execution=at_once)

    class Clock(keras.callbacks.Callback):
        """Notes the time after each execution; the first two fill the pipeline's buffer and are not counted."""

        def on_train_begin(self, logs=None):
            self.times = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter())

    clock, done = Clock(), 0

    def step() -> float:
        nonlocal done
        executions = 2 + max(1, options.steps // at_once)
        batches = chain_batches(clean, "multi", options.batch, seed=0, start_step=done)
        trainer.fit(batches, steps_per_epoch=executions * at_once, verbose=0, shuffle=False, callbacks=[clock])
        done += executions * at_once
        return options.batch * (executions - 2) * at_once / (clock.times[-1] - clock.times[1])

    def peak() -> float:
        return best_product(
            lambda a, b: tf.matmul(a, b).numpy()[0, 0], lambda n: tf.random.normal((n, n)), options.sides
        )

    layers = [
        (tf.random.normal((options.batch, a)), tf.random.normal((a, b)), tf.random.normal((options.batch, b)))
        for a, b in itertools.pairwise((SIZE, *HIDDEN, SIZE))
    ]

    @tf.function
    def multiply():
        forward = [tf.matmul(inputs, weights) for inputs, weights, _ in layers]
        weight_gradients = [tf.matmul(inputs, upstream, transpose_a=True) for inputs, _, upstream in layers]
        input_gradients = [tf.matmul(upstream, weights, transpose_b=True) for _, weights, upstream in layers[1:]]
        return forward + weight_gradients + input_gradients

    def products() -> float:
        """Images per second if a step were its matrix products and nothing else."""
        start = time.perf_counter()
        for _ in range(options.steps):
            results = multiply()
        results[0].numpy()
        return options.batch * options.steps / (time.perf_counter() - start)

    step()
    products()
    serve({"step": step, "peak": peak, "products": products}, {"steps_per_execution": at_once})


def serve_torch(options) -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    clean = torch.from_numpy(random_digits(options.images)).float() / 127.5 - 1
    images, batch = len(clean), options.batch
    levels = torch.arange(11) / 10

    def float_noise(x, level):
        draws = torch.rand(x.shape)
        third = (level / 3)[:, None]
        return torch.where(draws < third, -1.0, torch.where(draws >= 1 - third, 1.0, x))

    def packed_noise(x, level):  # two 16-bit draws out of one 32-bit one, as the project draws them
        words = torch.empty(x.numel() // 2, dtype=torch.int32).random_(-(2**31), 2**31)
        draws = words.view(torch.int16).view(x.shape)
        third = torch.round(level * (2**16 / 3)).to(torch.int32)[:, None]
        return torch.where(draws < third - 2**15, -1.0, torch.where(draws >= 2**15 - third, 1.0, x))

    def variant(noise, compiled=False):
        widths = (SIZE, *HIDDEN, SIZE)
        layers = []
        for index, (a, b) in enumerate(itertools.pairwise(widths)):
            layers += [nn.Linear(a, b), nn.Tanh() if index == len(HIDDEN) else nn.ELU()]
        net = nn.Sequential(*layers)
        adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

        def loss_of(x, level):
            return nn.functional.mse_loss(net(noise(x, level)), x)

        compute = torch.compile(loss_of) if compiled else loss_of
        order, place = torch.empty(0, dtype=torch.int64), 0

        def one_step():
            nonlocal order, place
            if place + batch > len(order):
                order, place = torch.randperm(11 * images), 0
            draw = order[place : place + batch]
            place += batch
            adam.zero_grad(set_to_none=True)
            loss = compute(clean.index_select(0, draw % images), levels[draw // images])
            loss.backward()
            adam.step()
            return loss.detach()

        def step() -> float:
            for _ in range(20):
                one_step()
            start = time.perf_counter()
            total = torch.zeros(())
            for _ in range(options.steps):
                total += one_step()
            total.item()
            return batch * options.steps / (time.perf_counter() - start)

        return step

    def peak() -> float:
        return best_product(torch.mm, lambda n: torch.randn(n, n), options.sides)

    tasks = {"rand": variant(float_noise), "packed": variant(packed_noise)}
    if options.compile:
        tasks["compiled"] = variant(float_noise, compiled=True)
    for task in tasks.values():
        task()
    serve({**tasks, "peak": peak}, {"variants": list(tasks), "threads": torch.get_num_threads()})


def main() -> None:
    parser = argparse.ArgumentParser(description="The training step against PyTorch and the matrix-product peak.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=312, help="timed steps of each side in a round")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--images", type=int, default=55_000)
    parser.add_argument(
        "--sides", type=int, nargs="+", default=[1024, 2048, 4096], help="of the matrices whose product gives the peak"
    )
    parser.add_argument("--compile", action="store_true", help="also PyTorch under torch.compile (needs g++)")
    parser.add_argument("--peer", choices=["project", "torch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        (serve_project if options.peer == "project" else serve_torch)(options)
        return

    given = [f"--{name}={getattr(options, name)}" for name in ("steps", "batch", "images")]
    given += ["--sides", *map(str, options.sides)]
    given += ["--compile"] * options.compile
    project, torch = Peer("project", *given), Peer("torch", *given)
    variants = torch.ready["variants"]
    tasks = [(project, "project", "step"), *((torch, name, name) for name in variants)]
    tasks += [(project, "products alone", "products")]
    tasks += [(project, "TensorFlow product", "peak"), (torch, "PyTorch product", "peak")]
    count = flops(options.batch)
    rounds = []
    for index in range(options.rounds):
        order = tasks if index % 2 == 0 else tasks[::-1]
        rounds.append({label: peer.ask(task) for peer, label, task in order})
        speeds = ", ".join(f"{name} {rounds[-1][name]:,.0f}" for name in ("project", *variants))
        peak = max(rounds[-1]["TensorFlow product"], rounds[-1]["PyTorch product"])
        print(f"round {index + 1}: images/s: {speeds}; peak {peak / 1e9:.0f} GFlop/s", flush=True)
    project.close()
    torch.close()

    def median(value) -> str:
        values = sorted(map(value, rounds))
        return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"

    def of_peak(kind, speed="project"):
        return lambda r: (
            100 * r[speed] / options.batch * count[kind] / max(r["TensorFlow product"], r["PyTorch product"])
        )

    print(f"\n{machine('tensorflow', 'keras', 'torch', 'numpy')}")
    print(f"batch {options.batch}, {options.images:,} x 11 images; {options.rounds} rounds of {options.steps} steps")
    print("\n| measure | median (least to most of the rounds) | target |\n| --- | --- | --- |")
    print(f"| project, ms per step | {median(lambda r: 1e3 * options.batch / r['project'])} | |")
    for name in variants:
        print(f"| PyTorch {name}, ms per step | {median(lambda r, n=name: 1e3 * options.batch / r[n])} | |")
    for name in variants:
        print(f"| images/s, project / PyTorch {name} | {median(lambda r, n=name: r['project'] / r[n])} | 1.3 |")
    for label in ("TensorFlow product", "PyTorch product"):
        print(f"| {label}, GFlop/s | {median(lambda r, n=label: r[n] / 1e9)} | |")
    for kind in count:
        print(f"| % of peak, {kind}: {count[kind] / 1e9:.3f} GFlop a step | {median(of_peak(kind))} | 70 |")
    print(f"| % of peak of these products alone, exact | {median(of_peak('exact', 'products alone'))} | |")


if __name__ == "__main__":
    main()
