"""`python -m astro_ci`, and the script `astro-ci`."""

import sys


def main() -> None:
    """Run the command line; the version is answered without loading it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from astro_ci import __version__

        print(f"astro-ci {__version__}")
        return
    from astro_ci.cli import run

    run()


if __name__ == "__main__":
    main()
