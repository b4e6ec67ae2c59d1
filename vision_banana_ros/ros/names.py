"""Topics that go with another one, as image_transport names them."""

from __future__ import annotations

from typing import Any


def beside(node: Any, base: str, suffix: str) -> str:
    """The full name of `base`/`suffix`. A remap of `base` moves it along; a remap of its own wins.

    ROS remaps whole names only, so without this `image:=/front/image_raw` would leave `image/compressed` behind.
    """
    name = f"{base}/{suffix}"
    own: str = node.resolve_topic_name(name)
    if own != node.resolve_topic_name(name, only_expand=True):
        return own
    return f"{node.resolve_topic_name(base)}/{suffix}"
