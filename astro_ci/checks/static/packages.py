"""Find the modules that an image has beside the project's own, when that is certain.

The answer is certain only when all modules of every requirement of the project are known. An
unknown package may bring any module, so the check then reports nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

from astro_ci.checks.static.request import NEWEST, Problem, Request, Version
from astro_ci.checks.static.source import is_inside, read_source
from astro_ci.text import Regex

RUNTIME = """
a2wsgi aiohappyeyeballs aiohttp aiohttp_jinja2 aiosignal aiosmtplib aiosqlite airflow alembic amqp
annotated_doc annotated_types anyio apispec argcomplete arrow asgiref astro astronomer attr attrs
azure babel billiard blinker boto3 botocore bs4 cachelib cachetools cadwyn celery certifi cffi
charset_normalizer click click_didyoumean click_plugins click_repl clickclick colorlog
configupdater connexion cron_descriptor croniter cryptography daemon datadog dateutil db_dtypes
deprecated dill dns dotenv elastic_transport elasticsearch email_validator eventlet fastapi
fastapi_cli flask flask_appbuilder flask_babel flask_bcrypt flask_caching flask_jwt_extended
flask_limiter flask_login flask_session flask_sqlalchemy flask_wtf flower frozenlist fsspec gcloud
gcsfs gevent google greenback greenlet grpc grpc_status gunicorn h11 httpcore httplib2 httptools
httpx humanize idna importlib_metadata inflection isodate isoduration itsdangerous jinja2 jks
jmespath jsonpath_ng jsonschema jsonschema_specifications jwt kombu kubernetes kubernetes_asyncio
lazy_importer lazy_object_proxy ldap3 libcst limits linkify_it lockfile looker_sdk mako markdown_it
markupsafe marshmallow marshmallow_oneofschema marshmallow_sqlalchemy mdit_py_plugins mdurl
methodtools more_itertools msal msgspec msrest multidict multipart mypy_boto3_appflow natsort
networkx numpy nvd3 oauth2client oauthlib openlineage openlineage_sql opentelemetry ordered_set
outcome packaging pandas pandas_gbq pathlib_abc pathspec pendulum pip pkg_resources pluggy prison
prometheus_client prompt_toolkit propcache proto psutil psycopg psycopg2 pyarrow pyasn1
pyasn1_modules pycparser pydantic pydantic_core pydantic_extra_types pydantic_settings
pydata_google_auth pygments pygtrie pymssql pymysql pyparsing python_multipart pytz re2 redis
referencing requests requests_oauthlib requests_toolbelt rfc3339_validator rich rich_argparse
rich_toolkit rpds rsa s3transfer sentry_sdk setproctitle setuptools shellingham simplejson six
slugify sniffio snowflake sqlalchemy sqlalchemy_bigquery sqlalchemy_jsonfield sqlalchemy_spanner
sqlalchemy_utils sqlparse starlette statsd structlog svcs tabulate tenacity termcolor
text_unidecode tornado typer typing_extensions typing_inspection tzdata tzlocal ujson upath urllib3
uuid6 uv uvicorn uvloop vine watchfiles watchtower wcwidth websocket websockets werkzeug wheel
wirerope wrapt wtforms xmltodict yaml yarl zipp
"""
"""The modules that Airflow 2.11 and 3.3 install with their dependencies, and those that any Astro
Runtime adds or has added. A missing name here would cause a false finding; an extra name would
not. As of 2026-11, from the distributions' own records."""

CLOSED: Mapping[str, str] = {
    "beautifulsoup4": "bs4 soupsieve typing_extensions",
    "boto3": "boto3 botocore s3transfer jmespath dateutil urllib3 six",
    "faker": "faker tzdata",
    "httpx": "httpx httpcore h11 anyio sniffio idna certifi",
    "jinja2": "jinja2 markupsafe",
    "lxml": "lxml",
    "numpy": "numpy",
    "openpyxl": "openpyxl et_xmlfile",
    "pandas": "pandas numpy dateutil pytz tzdata six",
    "paramiko": "paramiko bcrypt cryptography nacl invoke cffi",
    "pendulum": "pendulum dateutil tzdata six",
    "polars": "polars",
    "psycopg2": "psycopg2",
    "psycopg2-binary": "psycopg2",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic pydantic_core annotated_types typing_extensions typing_inspection",
    "pymongo": "pymongo bson gridfs dns",
    "pymysql": "pymysql",
    "pytest": "pytest _pytest pluggy iniconfig packaging pygments",
    "python-dateutil": "dateutil six",
    "python-dotenv": "dotenv",
    "pytz": "pytz",
    "pyyaml": "yaml",
    "redis": "redis",
    "requests": "requests urllib3 idna certifi charset_normalizer",
    "scikit-learn": "sklearn numpy scipy joblib threadpoolctl",
    "scipy": "scipy numpy",
    "sqlalchemy": "sqlalchemy greenlet typing_extensions",
    "tabulate": "tabulate",
    "tenacity": "tenacity",
    "tqdm": "tqdm",
    "xlrd": "xlrd",
}
"""Distributions, each with all top-level modules of the distribution and its dependencies."""

_REMOVED: Mapping[Version, str] = {
    (3, 12): "asynchat asyncore imp smtpd",
    (3, 13): "aifc audioop cgi cgitb chunk crypt imghdr mailcap msilib nis nntplib ossaudiodev "
    "pipes sndhdr spwd sunau telnetlib uu xdrlib lib2to3",
}
_ADDED: Mapping[Version, str] = {
    (3, 9): "graphlib zoneinfo",
    (3, 11): "tomllib",
    (3, 14): "annotationlib compression",
}
_REQUIREMENT = Regex(r"([A-Za-z0-9][\w.-]*)[ \t]*(?:\[[\w., -]*\])?[ \t]*(?:[<>=!~;].*)?")
_MAY_INSTALL = Regex(r"^[ \t]*(?:RUN|COPY|ADD)\b", re.IGNORECASE | re.MULTILINE)
_ELSEWHERE = ("pyproject.toml", "setup.py", "setup.cfg")


def python_modules(version: Version) -> frozenset[str]:
    """Return the standard library's modules in a Python version; in all for an unknown version."""
    found = {*sys.stdlib_module_names, "distutils"}
    for removed_in, names in _REMOVED.items():
        if version == NEWEST or version < removed_in:
            found.update(names.split())
        else:
            found.difference_update(names.split())
    for added_in, names in _ADDED.items():
        if version < added_in:
            found.difference_update(names.split())
        else:
            found.update(names.split())
    return frozenset(found)


def provided_modules(request: Request) -> frozenset[str] | None:
    """Return the top-level modules that an image of the project has; None when not certain."""
    requirements = _read(request, "requirements.txt")
    dockerfile = _read(request, request.dockerfile)
    if requirements is None or not dockerfile or _MAY_INSTALL.search(dockerfile):
        return None
    if any(_read(request, name) != "" for name in _ELSEWHERE):
        return None
    found = {"airflow", *RUNTIME.split(), *python_modules(request.python)}
    for line in requirements.splitlines():
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        match = _REQUIREMENT.fullmatch(text)
        name = re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""
        if name not in CLOSED:
            return None
        found.update(CLOSED[name].split())
    return frozenset(found)


def _read(request: Request, name: str) -> str | None:
    """Return the text of a project's file; "" for a missing file, None for an unreadable file."""
    path = f"{request.root}/{name}"
    if os.path.islink(path) and not is_inside(path, request.repository):  # noqa: PTH114 - quicker
        return None
    data = read_source(path)
    if isinstance(data, Problem):
        return None
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return None
