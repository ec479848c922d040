import dataclasses
import io
import json
import threading

import numpy as np
import PIL.Image
import pytest
from report_pages import CHROMIUM, COUNT_IMAGES, Page, chromium

from tf_denoise.noise.found import FoundNoise
from tf_denoise.pages import denoised as page_room
from tf_denoise.pages.denoised import DenoisedReport
from tf_denoise.uncertainty.assessment import Assessment
from tf_denoise.uncertainty.sure import EstimatedPSNR
from tf_denoise.uncertainty.whiteness import Whiteness

NOTHING = (0.0, 0.0, 0.0)


def assessment(psnr=30.0, warnings=()):
    noise = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    autocorrelation = np.zeros((9, 9))
    autocorrelation[4, 4] = 1
    after = None if psnr is None else EstimatedPSNR(psnr, 10 ** (-psnr / 10), 1e-5)
    return Assessment(noise, 20.0, after, 1.0, Whiteness(autocorrelation, 0.01, 0.1), tuple(warnings))


def pictures(seed=0, size=(150, 200), channels=3, dtype="uint8"):
    noisy = np.random.default_rng(seed).integers(0, 255, (*size, channels)).astype(dtype)
    return noisy, noisy // 2


def report_of(folder, *found, **options):
    report = DenoisedReport(folder, [("Network", "photographs")], **options)
    for number, one in enumerate(found):
        name = f"{number}.png"
        report.add(name, folder / name, *pictures(number), one)
    return report


def test_a_single_picture_comes_first_with_its_slider_and_its_details(tmp_path):
    path = report_of(tmp_path, assessment(warnings=["Beware of the <b>dog</b>."])).write()
    source = path.read_text()
    page = Page(source)
    assert path.name == "report.html"
    assert "A denoised picture" in page.text
    assert "Beware of the <b>dog</b>." in page.text
    assert "<b>dog" not in source
    assert "20.0 → 30.0 dB" in page.text
    assert "<table" not in source
    assert len(page.all("input", "type")) == 1
    addresses = page.all("img", "src")
    assert len(addresses) == 2 + 4
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert "http" not in source.replace("http-equiv", "")
    assert list(tmp_path.glob("*.unfinished*")) == []


def test_of_many_pictures_the_most_doubtful_come_first_and_are_shown_large(tmp_path, monkeypatch):
    monkeypatch.setattr(page_room, "MOST_SHOWN", 2)
    found = [
        assessment(35),
        assessment(31),
        assessment(33),
        assessment(40, ["One."]),
        assessment(None, ["One.", "Two."]),
    ]
    page = Page(report_of(tmp_path, *found).write().read_text())
    names = [link for link in page.all("a", "href") if link]
    assert names == ["#picture-1", "#picture-2", "1.png", "2.png", "0.png"]
    records = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert [record["output"] for record in records] == ["4.png", "3.png", "1.png", "2.png", "0.png"]
    assert records[0]["estimated_psnr_after"] is None
    assert records[1]["warnings"] == ["One."]
    assert "The 2 most doubtful are shown below" in page.text
    assert len(page.all("input", "type")) == 2
    assert len(page.all("img", "src")) == 5 + 2 * 6


def test_a_bound_is_shown_as_one_and_is_no_reason_to_doubt(tmp_path):
    bound = dataclasses.replace(assessment(None), at_least=41.0)
    alone = Page(report_of(tmp_path, bound).write().read_text())
    assert "20.0 → 41.0 dB or more" in " ".join(alone.text.split())
    assert "a picture of this size does not tell" in " ".join(alone.text.split())
    page = Page(report_of(tmp_path, bound, assessment(31), assessment(None, ["One."])).write().read_text())
    assert "41.0 or more" in " ".join(page.text.split())
    records = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert [record["output"] for record in records] == ["2.png", "1.png", "0.png"]
    assert records[2]["estimated_psnr_at_least"] == 41.0


def test_pictures_of_every_kind_are_shown_as_they_look(tmp_path):
    report = DenoisedReport(tmp_path, [])
    ramp = np.linspace(0, 1, 64, dtype="float32")[None, :, None].repeat(40, axis=0)
    for number, image in enumerate([ramp, np.round(65535 * ramp).astype("uint16"), ramp.repeat(3, axis=-1)]):
        name = f"ü {number}.png"
        report.add(name, tmp_path / name, image, image, assessment())
    shown = [
        np.asarray(PIL.Image.open(io.BytesIO(_bytes(entry.after))).convert("L"), float) for entry in report._entries
    ]
    for image in shown:
        np.testing.assert_allclose(image[20], 255 * ramp[0, :, 0], atol=4)
    assert "ü 0.png" in report.write().read_text(encoding="utf-8")


def _bytes(address):
    import base64

    return base64.b64decode(address.split(",", 1)[1])


def test_the_map_of_intervals_is_shown_where_there_is_one(tmp_path):
    report = DenoisedReport(tmp_path, [], hint="Make a head.")
    noisy, result = pictures()
    half_width = np.zeros(noisy.shape, "float32")
    half_width[100:140, 20:60] = 0.1
    report.add("a.png", tmp_path / "a.png", noisy, result, assessment(), half_width)
    page = Page(report.write().read_text())
    assert "Where the intervals are widest" in page.text
    assert "Map of intervals" in page.all("img", "alt")
    assert "Make a head." in page.text
    rows, columns = page_room._places(noisy, result, half_width)[0][1]
    assert (rows.stop - rows.start, columns.stop - columns.start) == (128, 128)
    assert rows.start <= 100
    assert rows.stop >= 140
    assert columns.start <= 20


def test_several_threads_add_pictures(tmp_path):
    report = DenoisedReport(tmp_path, [])

    def add(number):
        report.add(str(number), tmp_path / str(number), *pictures(number, (40, 40)), assessment(30 + number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.write()
    records = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert [int(record["name"]) for record in records] == list(range(30))


@pytest.mark.process
@pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")
def test_a_browser_shows_all_pictures(tmp_path):
    path = report_of(tmp_path, assessment(), assessment(28, ["Beware."])).write()
    copy = tmp_path / "counted.html"
    copy.write_text(path.read_text().replace("</body>", COUNT_IMAGES))
    dom = chromium(copy, tmp_path / "profile", "--dump-dom")
    widths = dom.split('data-widths="')[1].split('"')[0].split()
    assert len(widths) == 2 + 2 * 6
    assert all(int(width) > 0 for width in widths)
