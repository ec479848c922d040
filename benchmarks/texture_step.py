"""How fast does the default U-Net train and denoise, against the same net in PyTorch on the CPU?

    python benchmarks/texture_step.py

Both sides make the noise within the step, take the mean absolute error and apply Adam, from the same weights: before
anything is timed the outputs must agree to 1e-4 or the run ends. Either side has a process of its own; they take turns
within each round, and the ratios are formed within the round.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from peers import Peer, machine, serve

SIGMA, CHANNELS, TOLERANCE = 50 / 255, 3, 1e-4


def random_crops(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(count, height, width, CHANNELS)).astype("float32")


def timed_steps(step, options) -> float:
    """Images per second."""
    for _ in range(2):
        step()
    start = time.perf_counter()
    for _ in range(options.steps):
        last = step()
    float(last)
    return options.crops * options.steps / (time.perf_counter() - start)


def timed_image(denoise, options) -> float:
    """Milliseconds for one image, the median of some."""
    times = []
    for _ in range(options.images + 1):
        start = time.perf_counter()
        denoise()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def serve_project(options) -> None:
    from tf_denoise.commands.startup import start_tensorflow

    start_tensorflow()
    import keras
    import tensorflow as tf

    from tf_denoise.models import UNet

    keras.utils.set_random_seed(0)
    clean = tf.constant(random_crops(options.crops, options.size, options.size))
    image = tf.constant(random_crops(1, options.height, options.width))

    def random_net():
        """The default net; the weights that start from zero are drawn, so that the outputs compared mean something."""
        net = UNet(CHANNELS, options.widths, blocks=options.blocks)
        rng = np.random.default_rng(0)
        for variable in net.weights:
            variable.assign(rng.normal(0, 0.5 * np.prod(variable.shape[:-1]) ** -0.5, variable.shape))
        return net

    net = random_net()
    weights = {variable.path: variable.numpy() for variable in net.weights}
    np.savez(options.exchange, output=net(clean).numpy(), **weights)

    def step_of(jit: bool):
        net = random_net()
        adam = keras.optimizers.Adam(1e-4)
        adam.build(net.trainable_variables)
        place = 0

        @tf.function(jit_compile=jit)
        def compiled(clean, seed):
            noisy = clean + SIGMA * tf.random.stateless_normal(tf.shape(clean), seed, alg="philox")
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.abs(net(noisy, training=True) - clean))
            adam.apply(tape.gradient(loss, net.trainable_weights), net.trainable_variables)
            return loss

        def step():
            nonlocal place
            place += 1
            return compiled(clean, tf.constant([0, place], tf.int64))

        return lambda: timed_steps(step, options)

    def image_of(jit: bool):
        compiled = tf.function(lambda x: net(x, training=False), jit_compile=jit)
        return lambda: timed_image(lambda: compiled(image).numpy(), options)

    tasks = {f"step{name}": step_of(jit) for name, jit in (("", False), (" jit", True))}
    tasks |= {f"image{name}": image_of(jit) for name, jit in (("", False), (" jit", True))}
    serve(tasks, {"parameters": net.count_params()})


def torch_net(options, arrays):
    """The default U-Net in PyTorch, with the weights of the project's.

    TensorFlow's kernels are (height, width, in, out), of a transposed convolution (height, width, out, in): both become
    PyTorch's by the same transposition. Space to depth orders the channels otherwise: the place before the channel.
    """
    import torch
    from torch import nn

    widths = options.widths

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)

        def forward(self, x):
            return x + self.conv2(torch.relu(self.conv1(x)))

    def stage(width):
        return nn.Sequential(*(Block(width) for _ in range(options.blocks)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(4 * CHANNELS, widths[0], 3, padding=1, bias=False)
            self.head = nn.Conv2d(widths[0], 4 * CHANNELS, 3, padding=1, bias=False)
            self.bottleneck = stage(widths[-1])
            for name in ("encoder", "decoder"):
                setattr(self, name, nn.ModuleList(map(stage, widths[:-1])))
            pairs = list(itertools.pairwise(widths))
            self.down = nn.ModuleList(nn.Conv2d(a, b, 2, 2, bias=False) for a, b in pairs)
            self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2, bias=False) for a, b in pairs)

        def forward(self, noisy):
            x, maps = self.stem(nn.functional.pixel_unshuffle(noisy, 2)), []
            for stage, down in zip(self.encoder, self.down, strict=True):
                maps.append(stage(x))
                x = down(maps[-1])
            x = self.bottleneck(x)
            for level in reversed(range(len(maps))):
                x = self.decoder[level](self.up[level](x) + maps[level])
            return noisy + nn.functional.pixel_shuffle(self.head(x), 2)

        def named_kernels(self):
            """The kernels by the project's names of the layers."""
            stages = {"bottleneck": self.bottleneck}
            for index in range(len(self.down)):
                stages |= {f"{name}{index + 1}": getattr(self, name)[index] for name in ("encoder", "decoder")}
                yield f"down{index + 1}", self.down[index].weight
                yield f"up{index + 1}", self.up[index].weight
            for name, stage in stages.items():
                for index, block in enumerate(stage, 1):
                    yield f"{name}_block{index}_conv1", block.conv1.weight
                    yield f"{name}_block{index}_conv2", block.conv2.weight
            yield "stem", self.stem.weight
            yield "head", self.head.weight

    def reordered(kernel, axis):
        split = kernel.reshape(*kernel.shape[:axis], 4, CHANNELS, *kernel.shape[axis + 1 :])
        return np.swapaxes(split, axis, axis + 1).reshape(kernel.shape)

    net = Net()
    left = set(arrays) - {"output"}
    for name, weight in net.named_kernels():
        kernel = arrays[f"{name}/kernel"]
        kernel = reordered(kernel, {"stem": 2, "head": 3}[name]) if name in ("stem", "head") else kernel
        weight.data = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        left.remove(f"{name}/kernel")
    if left:
        raise SystemExit(f"Weights of the project that PyTorch's net lacks: {sorted(left)}")
    return net


def serve_torch(options) -> None:
    import torch

    torch.manual_seed(0)
    arrays = dict(np.load(options.exchange))

    def channels_first(images):
        return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    clean = channels_first(random_crops(options.crops, options.size, options.size))
    image = channels_first(random_crops(1, options.height, options.width))
    with torch.inference_mode():
        output = torch_net(options, arrays)(clean).numpy().transpose(0, 2, 3, 1)
    difference = float(np.abs(output - arrays["output"]).max())
    if difference > TOLERANCE:
        raise SystemExit(f"The outputs of both nets differ by {difference:.1e}, more than {TOLERANCE}.")

    def variant(memory_format):
        net = torch_net(options, arrays).to(memory_format=memory_format)
        crops = clean.to(memory_format=memory_format)
        picture = image.to(memory_format=memory_format)
        adam = torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)

        def step():
            adam.zero_grad(set_to_none=True)
            loss = (net(crops + SIGMA * torch.randn_like(crops)) - crops).abs().mean()
            loss.backward()
            adam.step()
            return loss.detach()

        @torch.inference_mode()
        def denoise():
            return net(picture)

        return lambda: timed_steps(step, options), lambda: timed_image(denoise, options)

    tasks = {}
    for name, memory_format in (("", torch.contiguous_format), (" channels_last", torch.channels_last)):
        tasks[f"step{name}"], tasks[f"image{name}"] = variant(memory_format)
    serve(tasks, {"difference": difference, "threads": torch.get_num_threads()})


def main() -> None:
    parser = argparse.ArgumentParser(description="The default U-Net's training step and inference against PyTorch.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each side in a round")
    parser.add_argument("--images", type=int, default=7, help="timed images of each side in a round")
    parser.add_argument("--crops", type=int, default=16, help="of a batch")
    parser.add_argument("--size", type=int, default=96, help="height and width of a crop")
    parser.add_argument("--height", type=int, default=320, help="of the image to denoise")
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256], help="of the U-Net's stages")
    parser.add_argument("--blocks", type=int, default=1, help="of a stage")
    parser.add_argument("--peer", choices=["project", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--exchange", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        (serve_project if options.peer == "project" else serve_torch)(options)
        return
    stride = 2 ** len(options.widths)
    if any(size % stride for size in (options.size, options.height, options.width)):
        parser.error(f"the sizes must be multiples of {stride}: PyTorch's net does not pad")

    names = ("steps", "images", "crops", "size", "height", "width", "blocks")
    given = [*(f"--{name}={getattr(options, name)}" for name in names), "--widths", *map(str, options.widths)]
    with tempfile.TemporaryDirectory() as folder:
        given += ["--exchange", str(Path(folder) / "weights.npz")]
        project = Peer("project", *given)
        torch = Peer("torch", *given)
    tasks = [(project, f"project{name}", name) for name in ("", " jit")]
    tasks += [(torch, f"PyTorch{name}", name) for name in ("", " channels_last")]
    rounds = []
    for index in range(options.rounds):
        order = tasks if index % 2 == 0 else tasks[::-1]
        row = {}
        for kind in ("step", "image"):
            row |= {(kind, label): peer.ask(kind + name) for peer, label, name in order}
        rounds.append(row)
        speeds = ", ".join(f"{label} {row['step', label]:.1f} and {row['image', label]:.0f}" for _, label, _ in tasks)
        print(f"round {index + 1}: images/s of the step and ms an image: {speeds}", flush=True)
    project.close()
    torch.close()

    def median(value) -> str:
        values = sorted(map(value, rounds))
        return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"

    labels = [label for _, label, _ in tasks]
    print(f"\n{machine('tensorflow', 'keras', 'torch', 'numpy')}")
    print(
        f"{project.ready['parameters']:,} parameters, outputs agree to {torch.ready['difference']:.0e}; step of "
        f"{options.crops} crops of {options.size} x {options.size}, image of {options.height} x {options.width}; "
        f"{options.rounds} rounds of {options.steps} steps and {options.images} images"
    )
    print("\n| measure | median (least to most of the rounds) | target |\n| --- | --- | --- |")
    for label in labels:
        print(f"| {label}, ms per step | {median(lambda r, n=label: 1e3 * options.crops / r['step', n])} | |")
    for label in labels:
        print(f"| {label}, ms per image | {median(lambda r, n=label: r['image', n])} | |")
    for ours in labels[:2]:
        for theirs, target in zip(labels[2:], ("1", ""), strict=True):
            faster = median(lambda r, a=ours, b=theirs: r["step", a] / r["step", b])
            print(f"| step, images/s, {ours} / {theirs} | {faster} | {target} |")
            faster = median(lambda r, a=ours, b=theirs: r["image", b] / r["image", a])
            print(f"| image, speed, {ours} / {theirs} | {faster} | {target} |")


if __name__ == "__main__":
    main()
