"""The CI systems of this package. Generated from their modules by `make format`."""

from __future__ import annotations

MARKS = {
    "woodpecker": {"CI": "woodpecker"},
    "forgejo": {"FORGEJO_ACTIONS": "true"},
    "gitea": {"GITEA_ACTIONS": "true"},
    "github": {"GITHUB_ACTIONS": "true"},
    "gitlab": {"GITLAB_CI": "true"},
    "azure": {"TF_BUILD": "true"},
    "bitbucket": {"BITBUCKET_BUILD_NUMBER": ""},
    "buildkite": {"BUILDKITE": "true"},
    "circleci": {"CIRCLECI": "true"},
    "drone": {"DRONE": "true"},
    "travis": {"TRAVIS": "true"},
    "codebuild": {"CODEBUILD_BUILD_ARN": "", "CODEBUILD_BUILD_ID": ""},
    "teamcity": {"TEAMCITY_VERSION": ""},
    "jenkins": {"JENKINS_URL": ""},
    "none": {},
}
"""The variables that show each system, in the order in which they are asked."""

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
