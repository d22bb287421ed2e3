"""`python -m astro_ci`, and the script `astro-ci`."""

import os
import sys


def main() -> None:
    """Run the command line; the version is answered without loading it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from astro_ci import __version__

        print(f"astro-ci {__version__}")
        return
    from astro_ci.terminal.signals import Signals

    signals = Signals()
    signals.install()
    import gc

    # Importing a command creates many objects, and the files of a large project create more.
    # Hardly any of them is ever garbage. By default, Python looks for garbage after every 700.
    gc.set_threshold(100_000)
    from astro_ci.cli import run

    try:
        run(signals=signals)
    except SystemExit as exit_:
        _end(exit_.code, is_cancelled=signals.stopped_by is not None)
        raise


def _end(code: object, *, is_cancelled: bool) -> None:
    """End the process at once: nothing is left to do but to take Python apart, which takes long.

    Where something else is left, which is a thread, a tracer or text that cannot be written, this
    returns. A cancelled run waits for no thread, which may hang.
    """
    import atexit
    import threading

    has_threads = threading.active_count() > 1 and not is_cancelled
    if has_threads or sys.gettrace() or sys.getprofile():
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python tells it
    os._exit(code if isinstance(code, int) else 1)


def _leave_out_the_checkout() -> None:
    """Take the working directory off sys.path: `-m` puts it first, before the real modules."""
    here, package = sys.path[0], os.path.dirname(__file__)  # noqa: PTH120
    if sys.flags.safe_path or here == os.path.dirname(package):  # noqa: PTH120
        return
    try:
        is_working_directory = here == os.getcwd()  # noqa: PTH109 - it takes time to load
    except OSError:
        return
    if is_working_directory:
        del sys.path[0]


if __name__ == "__main__":
    _leave_out_the_checkout()
    main()
