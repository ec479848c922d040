"""Makes the picture of docs/trust.md, the page of a picture as Chromium shows it: python docs/make_trust_figure.py."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image

from tf_denoise.__main__ import main as tf_denoise
from tf_denoise.data import embedded_photographs

IMAGES = Path(__file__).with_name("images")
SIGMA = 25
SIZE = "1280,1240"


def main() -> None:
    """Give scikit-image's cup of coffee noise, denoise it, and take a picture of the report."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if browser is None:
        raise SystemExit("This needs Chromium or Chrome.")
    photographs = embedded_photographs()
    clean = photographs.photograph(photographs.names.index("coffee.png"))
    noisy = clean + np.random.default_rng(0).normal(0, SIGMA / 255, clean.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        PIL.Image.fromarray(np.round(255 * np.clip(noisy, 0, 1)).astype("uint8")).save(path / "coffee.png")
        tf_denoise(["denoise", str(path / "coffee.png"), "--output", str(path / "out"), "--report"])
        shot = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={SIZE}"]
        taken, page = path / "page.png", path / "out" / "report.html"
        subprocess.run(
            [*shot, f"--user-data-dir={folder}/profile", f"--screenshot={taken}", page.as_uri()],
            check=True,
            timeout=120,
        )
        picture = PIL.Image.open(taken).convert("RGB")
        picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).quantize(256).save(IMAGES / "trust.png")


if __name__ == "__main__":
    main()
