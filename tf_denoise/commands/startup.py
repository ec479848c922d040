"""Starting TensorFlow without the lines it writes on the terminal of every command."""

import logging
import os
import sys
import tempfile


def _is_no_retracing_advice(record: logging.LogRecord) -> bool:
    """Each network traces Keras' training step once; TensorFlow takes many networks for a fault in a loop."""
    return "triggered tf.function retracing" not in record.getMessage()


def start_tensorflow(finds_devices: bool = True) -> None:
    """Import TensorFlow and find its devices, with standard error held back.

    TensorFlow and its compiled parts report on drivers and instruction sets before any log level takes effect. What
    they wrote is shown after all if the start fails. Set `TF_CPP_MIN_LOG_LEVEL=0` to see everything.

    Args:
        finds_devices: Whether it looks for its devices at once; not where it must meet other hosts before.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if level == "0" or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            import tensorflow as tf

            if finds_devices:
                tf.config.list_logical_devices()
            tf.get_logger().addFilter(_is_no_retracing_advice)
        except BaseException:
            held_back.seek(0)
            os.write(screen, held_back.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def print_any_text() -> None:
    """Let standard output show as escapes what it cannot encode, such as file names that are not UTF-8.

    Otherwise a `print` at the end of hours of work would raise `UnicodeEncodeError`.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where somebody put another object in its place
            stream.reconfigure(errors="backslashreplace")
