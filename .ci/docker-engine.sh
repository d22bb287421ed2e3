#!/bin/sh
# Make a Docker Engine answer: use the one that does, else start dockerd as a plain process.
#
# Usage: .ci/docker-engine.sh [DIRECTORY]     DIRECTORY holds its data, its log and its pid file.
# The engine listens where every docker client looks for it: /var/run/docker.sock. Needs root and
# the packages docker.io (or docker-ce) and iptables. Exits with 1 when no engine can be had.
set -eu

directory=${1:-${TMPDIR:-/tmp}/astro-ci-engine}
log=$directory/dockerd.log

answers() {
  docker version --format '{{.Server.Version}}' 2>/dev/null
}

# Wait until the engine answers (0), or its process has ended or half a minute is over (1).
wait_for() {
  tries=60
  while [ "$tries" -gt 0 ]; do
    answers >/dev/null && return 0
    kill -0 "$1" 2>/dev/null || return 1
    tries=$((tries - 1))
    sleep 0.5
  done
  return 1
}

# Start dockerd with the given flags; a failed one is gone when this returns.
start() {
  mkdir -p "$directory"
  echo "+ dockerd $*" >>"$log"
  dockerd --host unix:///var/run/docker.sock --pidfile "$directory/dockerd.pid" \
    --data-root "$directory/data" --exec-root "$directory/exec" "$@" >>"$log" 2>&1 &
  engine=$!
  wait_for "$engine" && return 0
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  return 1
}

if version=$(answers) && [ -n "$version" ]; then
  echo "docker engine $version answers" >&2
  exit 0
fi
if ! command -v dockerd >/dev/null; then
  echo "no Docker Engine answers, and there is no dockerd to start (package docker.io)" >&2
  exit 1
fi
# A container may have neither overlay file systems, nor a packet filter to change.
if start || start --storage-driver vfs || start --storage-driver vfs --iptables=false --bridge=none
then
  echo "docker engine $(answers) started, its log is $log" >&2
else
  echo "dockerd does not start:" >&2
  tail -n 30 "$log" >&2
  exit 1
fi
