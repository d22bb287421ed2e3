"""`python -m astro_ci`, and the script `astro-ci`."""

import sys


def main() -> None:
    """Run the command line; the version is answered without loading it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from astro_ci import __version__

        print(f"astro-ci {__version__}")
        return
    import gc

    # Loading what a command needs makes many objects, and the files of a large project make more;
    # hardly any is ever garbage. By default, Python looks for that after every 700.
    gc.set_threshold(100_000)
    from astro_ci.cli import run

    run()


if __name__ == "__main__":
    main()
