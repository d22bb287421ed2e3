# A small image with astro-ci for jobs that run in containers: docker build --tag astro-ci .
#
# BASE      an image with Python 3.11 or later and pip; with apk, unless PACKAGES is empty
# PACKAGES  git, and what builds Astro images; `git` alone does for deploys of DAGs
# PIP_INDEX_URL  a package index of your own
ARG BASE=python:3.13-alpine
FROM ${BASE} AS install
ARG PIP_INDEX_URL
COPY image-requirements.lock /source/
# What the package needs, by hash; nothing is built.
RUN python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
      --only-binary :all: --require-hashes --target /install --requirement /source/image-requirements.lock
COPY astro_ci /install/astro_ci
RUN python3 -m compileall -q /install && chmod -R a+rX /install

FROM ${BASE}
ARG PACKAGES="docker-cli docker-cli-buildx git"
RUN test -z "${PACKAGES}" || apk add --no-cache ${PACKAGES}
COPY LICENSE /usr/share/licenses/astro-ci/
COPY --from=install /install /opt/astro-ci
# -P: no module of the working directory comes first. CI systems check repositories out as another
# user than the job's, which git refuses by default; nothing that a checkout names is run.
RUN python3 -c 'import site; print("/opt/astro-ci", file=open(site.getsitepackages()[0] + "/astro-ci.pth", "w"))' \
 && printf '#!/bin/sh\nexec python3 -P -m astro_ci "$@"\n' >/usr/local/bin/astro-ci \
 && chmod 755 /usr/local/bin/astro-ci \
 && git config --system --add safe.directory '*' \
 && echo 'astro:x:1000:1000::/home/astro:/bin/sh' >>/etc/passwd && echo 'astro:x:1000:' >>/etc/group \
 && mkdir -p /work /home/astro && chown 1000:1000 /work /home/astro
USER astro
WORKDIR /work
# No entrypoint: GitLab and others start a shell.
CMD ["astro-ci", "--help"]
