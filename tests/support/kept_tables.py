"""Run folders as far as `docs/renew.py keep` reads them, with made-up scores, and pages that ask for tables."""

import dataclasses
from pathlib import Path

import numpy as np
from renewing.keep import keep

from evaluation.bootstrap import Bootstrap
from evaluation.digits.contrasts import contrast_csv
from evaluation.digits.forms import check_forms
from evaluation.digits.names import TEST_SETS
from evaluation.digits.report import markdown_findings
from evaluation.digits.table import DigitTable, Score
from evaluation.measures import DIGITS
from evaluation.textures.table import PictureScore, PictureTable
from tf_denoise.runs.folder import CLASSIFIER_FOLDER, network_folder
from tf_denoise.runs.writing import write_json, write_text
from training.iterative.options import IterativeOptions
from training.textures.options import TextureOptions

HOME = "/home/some body/pictures/roads"
SOURCE = {"version": "0.1.0", "code": "c0de00000001", "commit": "1a2b3c4d" * 5, "tags": ["study"], "clean": True}
OTHER = {**SOURCE, "code": "c0de00000002", "commit": "9f8e7d6c" * 5, "tags": []}
BASE = {
    "mse": 0.004, "psnr": 24.0, "ssim": 0.7, "gmsd": 0.1, "high_frequency_ratio": 0.4, "radial_spectrum_error": 5.0,
    "checkerboard": 1.0, "discoloration": 0.002,
}  # fmt: skip
SHARPER = {"mse": -1e-4, "psnr": 0.1, "gmsd": -0.02, "high_frequency_ratio": 0.2, "radial_spectrum_error": -1.0}


def environment(source):
    machine = {"machine": "Linux x86_64", "processor": "Abacus 3000", "cores": 2, "devices": ["CPU"]}
    return machine | {"python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6", "source": source}


def picture_table(networks, repeats=3, photographs=12, levels=(15.0, 50.0), seed=0) -> PictureTable:
    """Scores that differ from `BASE` by what `networks` says of each, and by chance."""
    rng, rows = np.random.default_rng(seed), []
    hard = np.random.default_rng(99).random(photographs)  # alike in all runs, as the photographs are
    for repeat in range(repeats + 1):
        for method in networks if repeat else ("input", "median", "gaussian_blur"):
            for index in range(photographs):
                for level in levels:
                    for measure, base in BASE.items():
                        value = base * (1 + 0.1 * hard[index])
                        if repeat:
                            value += networks[method].get(measure, 0) + base * 1e-3 * rng.normal()
                        rows.append(PictureScore(repeat, method, f"{index:02}.jpg", level, measure, float(value)))
    return PictureTable(rows)


def photograph_run(folder: Path, networks=None, repeats=3, source=SOURCE, steps=200, **options) -> Path:
    """A finished run on photographs: `networks` are the changes of each against `BASE`."""
    networks = networks or {"mse": {}, "regional": SHARPER}
    photographs = options.pop("photographs", 12)
    table = picture_table(networks, repeats, photographs, seed=len(folder.name))
    settings = {"data": HOME, "compare": len(networks) > 1, "repeats": repeats, "steps": steps, "loss": None} | options
    config = dataclasses.asdict(TextureOptions(**settings).resolved())
    config |= {"command": "textures", "data_fingerprint": "0"}
    del config["output"]
    write_json(folder / "config.json", config)
    write_json(folder / "environment.json", environment(source))
    write_json(folder / "scored.json", source)
    write_json(folder / "networks.json", [{"name": name} for name in networks])
    names = {"train": 30, "validation": 4, "test": photographs}
    data = {part: [f"{part} {index}.jpg" for index in range(count)] for part, count in names.items()}
    write_json(folder / "data.json", {"description": f"46 photographs from {HOME}", **data, "skipped": []})
    for repeat in range(1, repeats + 1):
        for name in networks:
            write_json(network_folder(folder, repeat, name) / "training.json", training_record(steps))
    methods = {
        name: {"milliseconds_per_megapixel": None if name == "input" else 10.0, "parameters": 1234 * (name in networks)}
        for name in table.methods
    }
    classical = [
        {"level": level, "method": name, "parameters": {}, "validation_mse": mse}
        for level in table.levels
        for name, mse in (("median", 0.005), ("gaussian_blur", 0.004 if level == 50 else 0.006))
    ]
    write_json(folder / "scores.json", {"pictures": table.records(), "methods": methods, "classical": classical})
    return folder


def training_record(steps=200, **changed):
    history = {"loss": [0.4, 0.3, 0.2], "val_psnr": [20.0, 22.0, 23.0]}
    return {"epochs": 3, "steps": steps, "seconds": 600.0, "history": history, "stopped": None, "falls": []} | changed


TREE = [
    {"name": "multi_level", "role": "parent", "parent": None, "form": None, "trainings": 1, "total_trainings": 1},
    {"name": "multi_level/both", "role": "child", "parent": "multi_level", "form": "both", "trainings": 1,
     "total_trainings": 2},
    {"name": "multi_level/control", "role": "control", "parent": None, "form": None, "trainings": 2,
     "total_trainings": 2},
    {"name": "multi_level/control_wide", "role": "control", "parent": None, "form": None, "trainings": 2,
     "total_trainings": 2},
]  # fmt: skip
SIGNS = {
    measure: -1 if measure in ("mse", "mae", "binary_crossentropy", "pixel_frechet_distance") else 1
    for measure in DIGITS
}


def digit_table(good=0.01, repeats=3) -> DigitTable:
    """Scores in which the form is better than all others by `good`, and every repeat a little different."""
    bootstrap, shared = Bootstrap(50, replicates=200), np.random.default_rng(0).normal(0, 0.02, 50)
    rng, rows = np.random.default_rng(1), []
    for repeat in range(repeats + 1):
        for member in TREE if repeat else [{"name": "input"}]:
            for test_set in TEST_SETS:
                for measure, sign in SIGNS.items():
                    shift = sign * good * (member["name"] == "multi_level/both") + 1e-3 * rng.normal()
                    values = 0.5 + shared + shift + 5e-3 * rng.normal(size=50)
                    for rounded in (False, True):
                        place = (repeat, member["name"], False, test_set, measure, rounded)
                        rows.append(Score(*place, values.mean(), replicates=bootstrap.means(values)))
    return DigitTable(rows)


def digit_run(folder: Path, repeats=3, source=SOURCE, good=0.01) -> Path:
    """A finished run on digits, with one form and its controls."""
    table = digit_table(good, repeats)
    options = {"profile": "full", "dataset": "mnist", "parents": ("multi_level",), "depth": 0, "forms": ("both",)}
    config = dataclasses.asdict(IterativeOptions(**options, controls=("wide",), repeats=repeats).resolved())
    config |= {
        "command": "iterative",
        "dataset_used": "mnist",
        "dataset_description": "MNIST.",
        "dataset_fingerprint": "0",
    }
    del config["output"]
    findings = check_forms(table, TREE)
    write_json(folder / "config.json", config)
    write_json(folder / "environment.json", environment(source))
    write_json(folder / "scored.json", source)
    write_json(folder / "networks.json", TREE)
    write_json(folder / "scores.json", table.records())
    write_text(folder / "contrasts.csv", contrast_csv(findings))
    write_text(folder / "findings.md", markdown_findings(findings, repeats))
    write_json(folder / CLASSIFIER_FOLDER / "training.json", training_record())
    for repeat in range(1, repeats + 1):
        for member in TREE:
            write_json(network_folder(folder, repeat, member["name"]) / "training.json", training_record())
    return folder


def docs_with(folder: Path, *markers: str, page: str = "textures", **runs: Path) -> Path:
    """A folder like docs/ with kept runs, `roads_losses=RUN` as roads-losses, and a page that has these blocks."""
    for name, run in runs.items():
        keep(run, name.replace("_", "-"), folder / "tables")
    blocks = [f"Words before {marker}.\n\n<!-- table: {marker} -->\nold\n<!-- end -->\n" for marker in markers]
    write_text(folder / f"{page}.md", "\n".join(["# A page", "", *blocks, "The last words.", ""]))
    return folder
