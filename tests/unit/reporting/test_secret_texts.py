"""Which variables code of the checkout may see."""

from __future__ import annotations

from astro_ci.reporting.secret_texts import without_secrets


def test_code_of_the_checkout_sees_no_secret_and_nothing_of_the_job() -> None:
    kept = {
        "PATH": "/bin",
        "PLAIN": "x",
        "AIRFLOW_CONN_DB": "postgres://u:p@h/db",
        "AIRFLOW__CORE__FERNET_KEY": "x",
    }
    dropped = {
        "ASTRO_API_TOKEN": "x",
        "ASTRO_CI_DEPLOYMENT_ID": "x",
        "ASTRONOMER_KEY_ID": "x",
        "GITHUB_OUTPUT": "x",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "x",
        "CI_JOB_JWT": "x",
        "MY_PASSWORD": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    assert without_secrets({**kept, **dropped}) == kept
