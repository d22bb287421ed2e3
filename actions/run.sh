#!/bin/sh
# Runs a command of astro_ci from this checkout, in an environment of its own: run.sh deploy
# All that is done here is to find a Python; see launch.py.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd -P)

# The runner's tool cache is where hosted runners keep the versions that are not on PATH.
for python in python3 python python3.14 python3.13 python3.12 python3.11 \
  "${RUNNER_TOOL_CACHE:-/opt/hostedtoolcache}"/Python/3.1[1-9].*/*/bin/python3; do
  if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" -I "$here/launch.py" "$@"
  fi
done

echo '::error::astro_ci needs Python 3.11 or later, and there is none in this job.%0AAdd actions/setup-python before this step, or use an image that has it.' >&2
exit 2
