#!/bin/sh
# Make docker's buildx plugin and a BuildKit daemon for the tests, once, from their sources.
#
# They go to ~/.cache/astro-ci-tests/builders. Needs Go 1.24 or later; without it, tests of real
# builders are skipped, and this ends without an error. Debian has packages of neither.
set -eu

buildx=v0.29.1
buildkit=v0.25.0
directory=$HOME/.cache/astro-ci-tests/builders
PATH=$PATH:/usr/local/go/bin
export PATH CGO_ENABLED=0 GOTOOLCHAIN=local

[ -x "$directory/docker-buildx" ] && [ -x "$directory/buildkitd" ] && exit 0
minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -lt 24 ]; then
  echo "no Go 1.24 or later: tests of real builders are skipped" >&2
  exit 0
fi

# Built within the module, as its go.mod replaces others, which `go install` refuses.
make_command() {
  source=$(go mod download -json "$1@$2" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  (cd "$source" && go build -trimpath -ldflags '-s -w' -o "$directory/$4.part" "$3")
  mv "$directory/$4.part" "$directory/$4"
}

mkdir -p "$directory"
make_command github.com/docker/buildx "$buildx" ./cmd/buildx docker-buildx
make_command github.com/moby/buildkit "$buildkit" ./cmd/buildkitd buildkitd
