"""The iterative renoising experiment: `python -m training.iterative`.

Two dense autoencoders remove salt-and-pepper noise from digits, the second trained on the renoised output of the
first. The command trains every parent, child and control, scores all of them and writes `report.html`.
"""

from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.options import parse_options
from tf_denoise.commands.startup import print_any_text, start_tensorflow
from tf_denoise.extras import check_installed
from tf_denoise.hosts.cluster import read_cluster
from training.iterative.options import IterativeOptions


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options = parse_options(IterativeOptions, arguments, "python -m training.iterative")
    with exit_on_errors():
        check_installed("matplotlib", "jinja2", "tensorboard", "sklearn", "openTSNE")
        options = options.resolved()
        cluster = read_cluster()
        start_tensorflow(finds_devices=cluster is None)  # once the arguments are known to be good
        from tf_denoise.hosts.hosts import alone, join
        from training.iterative.experiment import run_iterative

        hosts = alone() if cluster is None else join(cluster)  # one host trains on one device
        with hosts.watched():
            run_iterative(options, hosts)


if __name__ == "__main__":
    main()
