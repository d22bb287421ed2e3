#!/bin/sh
# Deploys from any machine: from a cron job, a git hook, or a CI system without an example.
#
#   deploy.sh         deploys the checkout in the current directory
#   deploy.sh plan    shows what would be deployed, and why
#
# Needs git, Python 3.11+ with venv, and flock (util-linux). When the image has changed, it needs
# the Docker Engine of this machine, or the engine that DOCKER_HOST names. Set ASTRO_API_TOKEN in
# the environment, and store it where only this job can read it.
set -eu

: "${ASTRO_DEPLOYMENT_ID:=clx0your0deployment0id}"
export ASTRO_DEPLOYMENT_ID

version=0.1.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/astro-ci
mkdir -p "$cache"

# A second run waits here until the first run has ended. The lock only works on one machine: if
# several machines deploy, use a CI system that queues their deploys.
exec 9>"$cache/lock"
flock 9

# The virtual environment is made once for each version.
if [ ! -e "$cache/$version/installed" ]; then
  python3 -I -m venv --clear "$cache/$version"
  "$cache/$version/bin/pip" install --quiet "astro-ci==$version"
  touch "$cache/$version/installed"
fi

# astro-ci fetches a missing commit with the git credentials of the current user.
[ $# -gt 0 ] || set -- deploy
exec "$cache/$version/bin/astro-ci" "$@"
