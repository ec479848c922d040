"""What do two hosts bring, and what do they exchange? Steps of the default network in 1 and in 2 processes.

    python benchmarks/several_hosts.py                     # processes of this machine, over its loopback
    python benchmarks/several_hosts.py --namespaces        # as root: each in a network of its own, over a virtual cable

Each process has one core and one thread; the one that it is held against has as many of them as there are processes.
The ways take turns. The batch is the same for all, so two processes have half of it each. Bytes are those that the
network device counts, sent by the chief. Without `--namespaces` other traffic on the loopback counts too.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from peers import machine

_MARK = "@result "
_WARM = 4
_SIZES = ("steps", "batch-size", "crop-size")


def sent_bytes() -> int:
    """Bytes that all devices of this network have sent."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return sum(int(line.split(":")[1].split()[8]) for line in lines)


def train(options) -> None:
    """The role of a process: train some steps, print their time and what was sent."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tf_denoise.fitting.loop import fit
    from tf_denoise.fitting.optimizer import averaging_adam
    from tf_denoise.hosts.cluster import read_cluster
    from tf_denoise.hosts.hosts import join
    from tf_denoise.models import UNet

    hosts = join(read_cluster())
    share = hosts.share(options.batch_size)
    count = len(share.rows(options.batch_size))
    shape = (count, options.crop_size, options.crop_size, 3)
    crops = np.random.default_rng(0).random(shape, "float32")
    with hosts.strategy.scope():
        model = UNet()
        model.compile(averaging_adam(1e-4, options.steps), "mae", jit_compile=False)
    moments = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: moments.append((time.perf_counter(), sent_bytes()))
    )
    dataset = tf.data.Dataset.from_tensors((crops, crops)).repeat()
    fit(model, hosts, lambda: dataset, steps_per_epoch=options.steps, callbacks=[clock])
    times = np.diff([moment for moment, _ in moments[_WARM:]])
    steps = len(moments) - 1 - _WARM
    gradient = 4 * sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    sent = (moments[-1][1] - moments[_WARM][1]) / steps
    print(_MARK + json.dumps({"seconds": float(np.median(times)), "sent": sent, "gradient": gradient}), flush=True)


@contextlib.contextmanager
def networks(count: int) -> Iterator[list[tuple[list[str], str]]]:
    """Networks of their own, joined by a bridge: how a command is begun in each, and its address."""
    names = [f"bench{number}" for number in range(count)]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    ip("link", "add", "benchbr", "type", "bridge")
    ip("link", "set", "benchbr", "up")
    try:
        for number, name in enumerate(names):
            ip("netns", "add", name)
            ip("link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{name}v", "master", "benchbr", "up")
            ip("-n", name, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield [(["ip", "netns", "exec", name], f"10.77.0.{number + 1}") for number, name in enumerate(names)]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)
        ip("link", "del", "benchbr")


def run(options, count: int, threads: int, port: int) -> dict:
    """What the chief of so many processes measured."""
    with networks(count) if options.namespaces and count > 1 else contextlib.nullcontext() as made:
        places = made or [([], "127.0.0.1")] * count
        workers = [f"{address}:{port + number}" for number, (_, address) in enumerate(places)]
        cores, processes = sorted(os.sched_getaffinity(0)), []
        for number, (begin, _) in enumerate(places):
            own = ",".join(map(str, cores[number * threads : (number + 1) * threads]))
            config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "3"}
            environment |= {"OMP_NUM_THREADS": str(threads), "TF_NUM_INTRAOP_THREADS": str(threads)}
            sizes = (options.steps, options.batch_size, options.crop_size)
            role = ["--host", *(f"--{name}={size}" for name, size in zip(_SIZES, sizes, strict=True))]
            words = [*begin, "taskset", "-c", own, sys.executable, sys.argv[0], *role]
            processes.append(subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True))
        said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("\n".join(said))
    return json.loads(next(line for line in said[0].splitlines() if line.startswith(_MARK)).removeprefix(_MARK))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--crop-size", type=int, default=96)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=28_000, help="the first of those that are taken")
    parser.add_argument("--namespaces", action="store_true", help="a network of its own for each process (root)")
    parser.add_argument("--host", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.host:
        train(options)
        return
    print(machine("tensorflow", "keras", "numpy"))
    print(f"Default network, {options.batch_size} crops of {options.crop_size}, {options.steps} steps\n")
    every = options.processes
    ways = {f"1 process of {every} threads": (1, every), "1 process of 1 thread": (1, 1)}
    ways[f"{every} processes of 1 thread"] = (every, 1)
    found: dict[str, list[dict]] = {name: [] for name in ways}
    for turn in range(options.rounds):
        for name, (count, threads) in ways.items():
            found[name].append(run(options, count, threads, options.port + 10 * turn))
    first = statistics.median(result["seconds"] for result in found[next(iter(ways))])
    for name, results in found.items():
        seconds = statistics.median(result["seconds"] for result in results)
        print(f"{name}: {1000 * seconds:.0f} ms a step, {seconds / first:.2f}")
    sent, gradient = (statistics.median(result[key] for result in results) for key in ("sent", "gradient"))
    print(
        f"The chief sends {sent / 1e6:.2f} MB a step, {sent / gradient:.2f} of the gradient's {gradient / 1e6:.2f} MB."
    )


if __name__ == "__main__":
    main()
