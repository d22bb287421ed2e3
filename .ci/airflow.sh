#!/bin/sh
# Environments with a real Airflow, one for each major version, for the tests that compare with it.
# They are made once and kept: ~/.cache/astro-ci-tests/airflow-2 and airflow-3, or below the
# directory that ASTRO_CI_TEST_AIRFLOW names. Usage: .ci/airflow.sh [2] [3]
set -eu
cd "$(dirname "$0")/.."

home=${ASTRO_CI_TEST_AIRFLOW:-$HOME/.cache/astro-ci-tests}
uv=$(command -v uv || echo .venv/bin/uv)
python=${PYTHON:-python3}

# The last releases before this date, so that a release of tomorrow breaks nothing today.
newest=2026-11-20T00:00:00Z

make_environment() {
  directory=$home/airflow-$1
  wanted="$2 pytest $newest $("$python" --version)"
  if [ "$(cat "$directory/.made-from" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  echo "installing $2 into $directory" >&2
  mkdir -p "$home"
  "$uv" venv --quiet --clear --python "$python" "$directory"
  "$uv" pip install --quiet --python "$directory/bin/python" --exclude-newer "$newest" "$2" pytest
  echo "$wanted" >"$directory/.made-from"
}

[ $# -gt 0 ] || set -- 2 3
for major; do
  case $major in
    2) make_environment 2 "apache-airflow==2.11.*" ;;
    3) make_environment 3 "apache-airflow==3.*" ;;
    *) echo "no such major version: $major" >&2; exit 2 ;;
  esac
done
