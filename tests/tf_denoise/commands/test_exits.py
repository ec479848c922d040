"""One table of exit statuses for all commands."""

import pytest

import evaluation.__main__
import evaluation.explain.__main__
import tf_denoise.__main__
from tf_denoise.commands.exits import exit_on_errors, status_of
from tf_denoise.errors import InputError


@pytest.mark.parametrize(("done", "failed", "status"), [(0, 0, 0), (4, 0, 0), (4, 1, 1), (1, 9, 1), (0, 1, 2)])
def test_the_status_of_what_was_done_and_failed(done, failed, status):
    assert status_of(done, failed) == status


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(InputError("A sentence."), 2, "error: A sentence.\n"), (KeyboardInterrupt(), 130, "Stopped.\n")],
)
def test_errors_become_a_sentence_and_a_status(error, status, message, capsys):
    with pytest.raises(SystemExit) as end, exit_on_errors():
        raise error
    assert end.value.code == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (tf_denoise.__main__.main, ["denoise", "a.png", "--model", "m", "--output", "o"]),
        (tf_denoise.__main__.main, ["export", "m", "o"]),
        (evaluation.__main__.main, ["compare", "a", "b"]),
        (evaluation.explain.__main__.main, ["m.keras", "a.png"]),
    ],
)
def test_every_command_that_is_stopped_says_so(main, words, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    for module in (tf_denoise.__main__, evaluation.__main__, evaluation.explain.__main__):
        for name in ("denoise", "export", "start_tensorflow"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, stopped)
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 130
    assert capsys.readouterr().err.endswith("Stopped.\n")
