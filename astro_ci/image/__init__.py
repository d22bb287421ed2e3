"""Build, check and push the image of a deploy.

`engine` connects to the Docker Engine; `building` builds the image; `checks` refuses an image that
Astro could not run; `registry.push` lets the engine push the image. An image that is already built
comes from a source in `prebuilt`; `stored` reads such an image from its file or registry, and
`registry.send` pushes it without an engine.
"""
