"""The code that docs/ shows for noisy pictures alone runs as it stands there."""

import pytest
from helpers import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("page", ["trust", "only_noisy"])
def test_the_code_of_the_page_runs(page, capsys):
    code = (ROOT / "docs" / f"{page}.md").read_text().split("```python\n")[1].split("```")[0]
    exec(compile(code, f"docs/{page}.md", "exec"), {})
    if page == "trust":
        told = capsys.readouterr().out
        assert "Noise of a deviation of 25" in told
        assert "EstimatedPSNR" in told
