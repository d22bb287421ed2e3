"""Plans and results in Markdown, for job summaries and pull request comments. Pure.

Whatever a stranger may have chosen (file names, branch names, messages) goes through `escape` or
`code`: it can be no markup, no mention and no reference, on GitHub or on GitLab.
"""
