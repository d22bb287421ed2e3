"""The CI systems of this package. Generated from their modules by `make format`."""

from __future__ import annotations

KEYS = (
    "woodpecker",
    "forgejo",
    "gitea",
    "github",
    "gitlab",
    "azure",
    "bitbucket",
    "buildkite",
    "circleci",
    "drone",
    "travis",
    "codebuild",
    "teamcity",
    "jenkins",
    "none",
)
"""In the order in which they are asked."""

FILES = (
    ".woodpecker.yml",
    ".woodpecker/**",
    ".forgejo/**",
    ".gitea/**",
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    "azure-pipelines.yml",
    ".azure-pipelines/**",
    "bitbucket-pipelines.yml",
    ".buildkite/**",
    ".circleci/**",
    ".drone.yml",
    ".travis.yml",
    "buildspec.yml",
    ".teamcity/**",
    "Jenkinsfile",
)
"""Globs of what they keep in a repository, which no deploy depends on."""
