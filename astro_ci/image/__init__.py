"""The image of a deploy: built, checked, pushed.

`engine` reaches the Docker Engine; `context` streams the project; `builder` finds what can build
and `build` drives it; `checks` refuses an image that Astro could not run; `registry.push` has the
engine send it. What is built already comes from a `prebuilt` source; `stored` reads it where it
lies, and `registry.client` sends it without an engine.
"""
