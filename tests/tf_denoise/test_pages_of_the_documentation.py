"""The code that docs/ shows for noisy pictures alone runs as it stands there."""

import pytest
import tifffile
from helpers import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("page", ["trust", "only_noisy", "stacks", "several_hosts"])
def test_the_code_of_the_page_runs(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    code = (ROOT / "docs" / f"{page}.md").read_text().split("```python\n")[1].split("```")[0]
    exec(compile(code, f"docs/{page}.md", "exec"), {})
    if page == "trust":
        told = capsys.readouterr().out
        assert "Noise of a deviation of 25" in told
        assert "EstimatedPSNR" in told
    if page == "several_hosts":
        assert capsys.readouterr().out == f"1 True {list(range(16))}\n"
    if page == "stacks":
        assert "3 planes (C 3) of 64 x 64 pixels, uint8" in capsys.readouterr().out
        before, after = (tifffile.imread(tmp_path / name) for name in ("stack.tif", "denoised.tif"))
        assert after.shape == before.shape
        assert after.std() < before.std() / 2
