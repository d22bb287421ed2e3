"""Compare a built image with the image that is made without a build."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from msgspec import Struct

from astro_ci.image.fast.layer import CodeLayer
from astro_ci.image.fast.merged import Item, Layer, Merged, merge, put_on
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.replace import Replaced
from astro_ci.image.fast.running import (
    BASE_LABEL,
    BUILT_LABEL,
    INPUTS_LABEL,
    SECRETS_LABEL,
    TRIGGERS_LABEL,
    RunningImage,
)
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.manifest import Descriptor
from astro_ci.image.stored.layers import UnreadableLayerError
from astro_ci.text import excerpt

_OWN_LABELS = frozenset((BASE_LABEL, BUILT_LABEL, INPUTS_LABEL, SECRETS_LABEL, TRIGGERS_LABEL))
_OF_THE_BUILD = frozenset(("Image", "Hostname", "Domainname"))
"""Keys that the classic builder copies from the last container of the build."""
_PLATFORM = ("architecture", "os", "os.features", "os.version", "variant")
_MOST_SHOWN = 10
_BUILT, _MADE = "is only in the built image", "is only in the image with the replaced layer"


class Stack(Struct, frozen=True, kw_only=True):
    """The layers of an image, from the lowest to the top."""

    diff_ids: Sequence[str]
    layers: Sequence[Layer]


def stack_of(image: RunningImage) -> Stack:
    """Return the layers of an image in a registry. Reading them raises RegistryError."""
    return Stack(
        diff_ids=[str(one) for one in image.config["rootfs"]["diff_ids"]],
        layers=[partial(_read, image, layer) for layer in image.found.layers],
    )


def replaced_stack(running: RunningImage, layer: CodeLayer) -> Stack:
    """Return the layers of the running image with another code layer."""
    below = stack_of(running)
    return Stack(
        diff_ids=[*below.diff_ids[:-1], layer.diff_id],
        layers=[*below.layers[:-1], partial(layer.read, 0)],
    )


def tree_differences(built: Stack, made: Stack, home: str) -> list[str]:
    """List the differences between the files of two images: the first paths, and the other number.

    `home` is the project's directory, without the first `/`. The layers that both images have are
    only read if they decide whether a path differs. Raises NotFastError for a layer that cannot be
    read, RegistryError.
    """
    same = len(list(takewhile(_are_equal, zip(built.diff_ids, made.diff_ids, strict=False))))
    try:
        theirs = merge(built.layers[same:], home)
        ours = merge(made.layers[same:], home)
        if theirs == ours:
            return []
        if not same or _have_same_paths(theirs, ours):
            return summary(theirs.items, ours.items)
        below = merge(built.layers[:same], home).items
    except (UnreadableLayerError, tarfile.TarError, EOFError, ValueError) as error:
        raise NotFastError(
            f"a layer of the built image cannot be read: {excerpt(str(error))}"
        ) from error
    return summary(put_on(below, theirs), put_on(below, ours))


def summary(built: Mapping[str, Item], made: Mapping[str, Item]) -> list[str]:
    """List the differences of two trees: the first paths, and the numbers of the others. Pure."""
    found = list(differing(built, made))
    if len(found) <= _MOST_SHOWN:
        return found
    rest = found[_MOST_SHOWN:]
    alone = sum(text.endswith(_BUILT) for text in rest), sum(text.endswith(_MADE) for text in rest)
    return [
        *found[:_MOST_SHOWN],
        f"and {len(rest)} more paths: {alone[0]} only in the built image, {alone[1]} only in the "
        f"image with the replaced layer, {len(rest) - sum(alone)} in both",
    ]


def differing(built: Mapping[str, Item], made: Mapping[str, Item]) -> Iterator[str]:
    """List the differences of two trees, path by path. Pure."""
    for path in sorted({*built, *made}):
        shown = f"/{excerpt(path)}"
        if path not in made:
            yield f"{shown} {_BUILT}"
        elif path not in built:
            yield f"{shown} {_MADE}"
        elif built[path] != made[path]:
            fields = Item.__struct_fields__
            names = (one for one in fields if getattr(built[path], one) != getattr(made[path], one))
            yield f"{shown} differs in {', '.join(names)}"


def config_differences(built: RunningImage, made: Replaced) -> list[str]:
    """List the differences of the configs with which containers start. Pure."""
    document: dict[str, Any] = json.loads(made.config)
    ours, theirs = document["config"], built.container
    keys = sorted({*ours, *theirs} - _OF_THE_BUILD)
    pairs = [
        (key, _comparable(key, theirs.get(key)), _comparable(key, ours.get(key))) for key in keys
    ]
    pairs += [(key, built.config.get(key) or None, document.get(key) or None) for key in _PLATFORM]
    return [f"the config differs in {key}" for key, one, other in pairs if one != other]


def _comparable(key: str, value: Any) -> Any:
    if key == "Labels":
        return {name: text for name, text in (value or {}).items() if name not in _OWN_LABELS}
    return value or None


def _read(image: RunningImage, layer: Descriptor) -> Iterator[bytes]:
    content = Content(layer, partial(image.source.read, layer), "a layer of the image")
    return content.part(0, layer.size)


def _are_equal(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _have_same_paths(one: Merged, other: Merged) -> bool:
    """Whether the layers below cannot affect the differences of the two."""
    return (one.gone, one.emptied, _shape(one)) == (other.gone, other.emptied, _shape(other))


def _shape(tree: Merged) -> Mapping[str, bool]:
    return {path: item.kind == "directory" for path, item in tree.items.items()}
