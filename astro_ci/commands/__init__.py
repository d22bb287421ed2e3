"""The verbs: each module is one command, with its options, a call and its exit code."""

from __future__ import annotations

SUMMARIES = {
    "plan": "Show what would be deployed, and why. Changes nothing.",
    "deploy": "Plan, then deploy what changed to the chosen Deployments.",
    "build": "Build and check the image, and keep it for a later job to deploy.",
    "check": "Check the project: static check, parse and pytest, in this order.",
    "parse": "Load every DAG file as Airflow does, and report errors by file and line.",
    "pytest": "Run the project's tests with Airflow, in an image or in this job.",
    "deployment": "List and inspect Deployments, switch DAG-only deploys, and read the deploy "
    "history.",
    "config": "Show the options in effect, and where each came from.",
    "doctor": "Check whether a deploy would work here, and say what to change. Changes nothing.",
    "init": "Write the pipeline file and astro-ci.yaml for this repository. Overwrites nothing.",
    "env": "Show what the CI system says about this run, and which variable says it.",
    "completion": "Print the script that completes astro-ci's words in a shell.",
    "sandbox": "Start a local Astro and print the variables that point a pipeline at it.",
    "demo": "Walk through deploys of every kind on a local Astro.",
}
"""The first paragraph of each verb's help, so that listing the verbs loads none of them."""

HEADINGS = {
    "Deploy": ("plan", "deploy", "build", "deployment"),
    "Check": ("check", "parse", "pytest"),
    "Set up": ("init", "doctor", "config", "env", "completion"),
    "Try": ("demo", "sandbox"),
}
"""Under which heading `astro-ci --help` lists a verb."""

EXAMPLES = {
    "plan": (
        ("astro-ci plan --deployment-name production", "What would go to production, and why"),
        ("astro-ci plan --json | jq -r .deploy_type", "The decision alone, for a script"),
    ),
    "deploy": (
        ("astro-ci deploy --deployment-name production", "Deploy what changed"),
        ("astro-ci deploy --dags", "Deploy the DAGs alone, whatever changed"),
        ("astro-ci deploy --dry-run", "Find out whether it would work, and deploy nothing"),
    ),
    "build": (
        ("astro-ci build --save image.tar", "Build the image into a file for a later job"),
        ("astro-ci build --push registry.example.com/etl:1.4", "Build it, and push it there"),
    ),
    "check": (
        ("astro-ci check", "Everything that can be checked here"),
        ("astro-ci check --no-pytest --sarif found.sarif", "For code scanning, without tests"),
    ),
    "parse": (
        ("astro-ci parse", "Load the DAG files with the Airflow that is at hand"),
        ("astro-ci parse --image-name etl:dev", "Load the DAG files in an image"),
    ),
    "pytest": (
        ("astro-ci pytest", "All tests in tests/"),
        ("astro-ci pytest tests/dags -- -k orders", "Some tests, with arguments for pytest"),
    ),
    "deployment": (
        ("astro-ci deployment list", "Every Deployment, and what it runs"),
        ("astro-ci deployment history production", "What was deployed to production, and when"),
    ),
    "config": (("astro-ci config", "The options of this checkout, and where they come from"),),
    "doctor": (("astro-ci doctor", "Everything that a deploy needs"),),
    "init": (
        ("astro-ci init", "Write the pipeline of the CI system that the repository uses"),
        ("astro-ci init --ci gitlab --print", "Show the pipeline for GitLab, and write nothing"),
    ),
    "env": (("astro-ci env", "Branch, commit and pull request of this run"),),
    "completion": (
        ('eval "$(astro-ci completion bash)"', "In ~/.bashrc"),
        ('eval "$(astro-ci completion zsh)"', "In ~/.zshrc, after compinit"),
        (
            "astro-ci completion fish > ~/.config/fish/completions/astro-ci.fish",
            "For fish, once",
        ),
    ),
    "sandbox": (
        ("astro-ci sandbox --port 0", "A local Astro on a free port, until Ctrl-C"),
        (
            "astro-ci sandbox > astro.env &",
            "In the background; read its variables with: . ./astro.env",
        ),
    ),
    "demo": (("astro-ci demo", "See it deploy, step by step"),),
}
"""For the end of each verb's help: command lines, each with what it does."""
