"""Loads an export with TensorFlow alone and calls it as a server would: `serve_without_us.py FOLDER`.

FOLDER holds `export/1/`, `cases.npz` (images and expected outputs by number) and `files/` (PNG and JPEG files; those
whose name begins with `bad` are damaged). Prints one line for each check that passed.
"""

import base64
import importlib.machinery
import json
import sys
import threading
from pathlib import Path

REFUSED = ("tf_denoise", "training", "evaluation", "keras", "keras_hub", "tf_keras")


class Refuse:
    """An import hook: these packages cannot be loaded. TensorFlow looks for Keras when it starts, and does without."""

    def find_spec(self, name, path=None, target=None):
        """Take what is refused, leave the rest to others."""
        return importlib.machinery.ModuleSpec(name, self) if name.split(".")[0] in REFUSED else None

    def create_module(self, spec):
        """Refuse."""
        raise ImportError(f"{spec.name} is not to be had here")

    def exec_module(self, module):
        """Never reached."""


sys.meta_path.insert(0, Refuse())
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

folder = Path(sys.argv[1])
loaded = tf.saved_model.load(str(folder / "export" / "1"))
denoise, denoise_bytes = (loaded.signatures[name] for name in ("serving_default", "denoise_bytes"))

with np.load(folder / "cases.npz") as cases:
    pairs = [(cases[f"image{i}"], cases[f"expected{i}"]) for i in range(len(cases.files) // 2)]
for image, expected in pairs:
    output = denoise(images=tf.constant(image))["denoised"].numpy()
    assert output.shape == image.shape
    np.testing.assert_allclose(output, expected, atol=1e-5)
print(f"images {len(pairs)}")

# As TensorFlow Serving gets them over REST: JSON with base64, which it turns into bytes before the signature sees them.
files = sorted((folder / "files").iterdir())
body = json.dumps({"instances": [{"b64": base64.b64encode(file.read_bytes()).decode()} for file in files]})
received = [base64.b64decode(instance["b64"]) for instance in json.loads(body)["instances"]]
answer = denoise_bytes(image_bytes=tf.constant(received))
for file, png, decoded in zip(files, answer["png_bytes"].numpy(), answer["decoded"].numpy(), strict=True):
    assert decoded == (not file.name.startswith("bad")), file.name
    assert bool(png) == decoded
    if decoded:
        (folder / "answers" / file.with_suffix(".png").name).write_bytes(png)
print(f"files {len(files)}")

# Many clients at once: what a request gets is what it asked for.
small = [image[:1, : 8 + index, : 30 - index] for index, (image, _) in enumerate(pairs[:20])]
small = [(image, denoise(images=tf.constant(image))["denoised"].numpy()) for image in small]
assert len({output.tobytes() for _, output in small}) == len(small)
answers = zip(received, answer["png_bytes"].numpy(), strict=True)
good = [(data, png) for data, png in answers if png]
wrong, count, lock = [], 0, threading.Lock()


def request(rng: np.random.Generator, turn: int) -> bool:
    """Whether one request, every tenth of them with bytes, gets its own picture."""
    if turn % 10 == 9:
        data, png = good[rng.integers(len(good))]
        return denoise_bytes(image_bytes=tf.constant([data]))["png_bytes"].numpy()[0] == png
    image, expected = small[rng.integers(len(small))]
    output = denoise(images=tf.constant(image))["denoised"].numpy()
    return output.shape == expected.shape and np.allclose(output, expected, atol=1e-5)


def client(number: int, requests: int) -> None:
    """Send requests of mixed sizes."""
    global count
    rng = np.random.default_rng(number)
    for turn in range(requests):
        try:
            problem = None if request(rng, turn) else "another's picture"
        except Exception as error:
            problem = repr(error)
        with lock:
            count += 1
            wrong.extend([(number, turn, problem)] if problem else [])


THREADS, REQUESTS = 32, 2_000
shares = [REQUESTS // THREADS + (number < REQUESTS % THREADS) for number in range(THREADS)]
threads = [threading.Thread(target=client, args=pair) for pair in enumerate(shares)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, wrong[:3]
print(f"requests {count}")
assert not [name for name in sys.modules if name.split(".")[0] in REFUSED]
print("alone")
