"""The node's own services, of std_srvs: `~/reset` and `~/self_test`, both Trigger. Every ROS distribution has it, and
so has PyPI; without that package there are none, and a line in the log says so.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, util
from typing import Any


def make_services(node: Any, *, reset: Callable[[], str], self_test: Callable[[], tuple[bool, str]]) -> None:
    """They are there in every state; what they cannot do in one, they say."""
    if util.find_spec("std_srvs") is None:
        node.get_logger().warning("std_srvs is not installed: no services ~/reset and ~/self_test")
        return
    trigger = import_module("std_srvs.srv").Trigger

    def on_reset(_request: Any, response: Any) -> Any:
        response.message, response.success = reset(), True
        return response

    def on_self_test(_request: Any, response: Any) -> Any:
        response.success, response.message = self_test()
        return response

    node.create_service(trigger, "~/reset", on_reset)
    node.create_service(trigger, "~/self_test", on_self_test)
