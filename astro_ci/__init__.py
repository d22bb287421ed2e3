"""Deploy Apache Airflow projects to Astro from CI.

The public names are loaded on first use, so that `astro-ci --version` stays as quick as Python.
"""

# No import stands before __main__ has had its say on the path, not even that of __future__.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from astro_ci.configuration.config import Config
    from astro_ci.deploying.deploy import deploy
    from astro_ci.errors import AstroCIError
    from astro_ci.model import DeployResult, Plan
    from astro_ci.survey.plan import plan

__version__ = "0.1.0"

__all__ = ["AstroCIError", "Config", "DeployResult", "Plan", "__version__", "deploy", "plan"]

_HOMES = {
    "AstroCIError": "astro_ci.errors",
    "Config": "astro_ci.configuration.config",
    "DeployResult": "astro_ci.model",
    "Plan": "astro_ci.model",
    "deploy": "astro_ci.deploying.deploy",
    "plan": "astro_ci.survey.plan",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'astro_ci' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
