"""Plans and results in Markdown, for job summaries and pull request comments. Pure.

All untrusted texts (file names, branch names, messages) pass `escape` or `code`, so that they
cannot become markup, mentions or references on GitHub or GitLab.
"""
