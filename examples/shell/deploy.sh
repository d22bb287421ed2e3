#!/bin/sh
# Deploy from any machine: a cron job, a git hook, a CI system that has no example here.
#
#   deploy.sh         deploys what is checked out in the current directory
#   deploy.sh plan    says what would be deployed, and why
#
# Needs git, Python 3.11+ with venv, and flock (util-linux). A Docker Engine is needed when the
# image has changed; DOCKER_HOST names another one than this machine's.
# ASTRO_API_TOKEN comes from the environment: keep it where only this job can read it.
set -eu

: "${ASTRO_DEPLOYMENT_ID:=clx0your0deployment0id}"
export ASTRO_DEPLOYMENT_ID

version=0.1.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/astro-ci
mkdir -p "$cache"

# A second run waits here until the first is over. The lock is this machine's: when several
# machines deploy, let one CI system queue them.
exec 9>"$cache/lock"
flock 9

# A virtual environment, made once for each version.
if [ ! -e "$cache/$version/installed" ]; then
  python3 -I -m venv --clear "$cache/$version"
  "$cache/$version/bin/pip" install --quiet "astro-ci==$version"
  touch "$cache/$version/installed"
fi

# Fetches the one commit that may be missing with the git credentials of whoever runs this.
[ $# -gt 0 ] || set -- deploy
exec "$cache/$version/bin/astro-ci" "$@"
