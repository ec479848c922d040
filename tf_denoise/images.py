"""A door to `tf_denoise.pictures`, under its former name."""

from tf_denoise.pictures.files import *  # noqa: F403
