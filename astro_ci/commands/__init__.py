"""The verbs: each module is one command, with its options, a call and its exit code."""

from __future__ import annotations

SUMMARIES = {
    "plan": "Show what would be deployed, and why. Changes nothing.",
    "deploy": "Plan, then deploy what changed to the chosen Deployments.",
    "check": "Check the project: static check, parse and pytest, in this order.",
    "parse": "Load every DAG file as Airflow does, and report errors by file and line.",
    "pytest": "Run the project's tests with Airflow, in an image or in this job.",
    "deployment": "List and inspect Deployments, switch DAG-only deploys, and read the deploy "
    "history.",
    "config": "Show the options in effect, and where each came from.",
    "doctor": "Check whether a deploy would work here, and say what to change. Changes nothing.",
    "init": "Write the pipeline file and astro-ci.yaml for this repository. Overwrites nothing.",
    "env": "Show what the CI system says about this run, and which variable says it.",
    "sandbox": "Start a local Astro and print the variables that point a pipeline at it.",
    "demo": "Walk through deploys of every kind on a local Astro.",
}
"""The first paragraph of each verb's help, so that listing the verbs loads none of them."""
