"""Generators on other machines: `gemini:MODEL` and `http:URL`, an OpenAI-style image edit as self-hosted servers offer.

A picture leaves this machine only when the model was named AND that was allowed, and so often as the budget says.
"""

from vision_banana_ros.generators.remote.generator import RemoteGenerator
from vision_banana_ros.generators.remote.loading import load_gemini, load_http
from vision_banana_ros.generators.remote.options import RemoteOptions
from vision_banana_ros.generators.remote.pacing import Pace, require_pace

__all__ = ["Pace", "RemoteGenerator", "RemoteOptions", "load_gemini", "load_http", "require_pace"]
