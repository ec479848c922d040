"""Texture denoisers: `python -m training.textures`.

Trains a U-Net, or a U-Net with a vision transformer, on a folder of photographs; with `--compare` one network per loss
from the same start. The command scores them against classical denoisers and writes `report.html`.
"""

from tf_denoise.commands.exits import exit_on_errors
from tf_denoise.commands.options import parse_options
from tf_denoise.commands.startup import print_any_text, start_tensorflow
from tf_denoise.extras import check_installed
from tf_denoise.hosts.cluster import read_cluster
from training.textures.options import TextureOptions


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    print_any_text()
    options = parse_options(TextureOptions, arguments, "python -m training.textures")
    with exit_on_errors():
        check_installed("matplotlib", "jinja2", "tensorboard", "skimage", "cv2")
        options = options.resolved()
        cluster = read_cluster()
        start_tensorflow(finds_devices=cluster is None)  # once the arguments are known to be good
        from tf_denoise.hosts.hosts import join
        from training.textures.experiment import run_textures

        hosts = join(cluster)
        with hosts.watched():
            run_textures(options, hosts)


if __name__ == "__main__":
    main()
