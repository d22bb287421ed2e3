"""The image of a deploy: built, checked, pushed.

`engine` reaches the Docker Engine; `context` streams the project; `builder` finds what can build
and `build` drives it; `checks` refuses an image that Astro could not run; `push` sends it.
"""
