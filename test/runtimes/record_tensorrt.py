"""Write down the signatures of all that this package calls of TensorRT, from the bindings of one version.

    python record_tensorrt.py VERSION BINDINGS... >> tensorrt_signatures.json's entry

The bindings import without a GPU. `tensorrt_lean_bindings` has the run-time half and its own libraries; the full
`tensorrt` has the builder too. Where its libraries are missing, the loader is content with empty ones of their names.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from typing import Any

#: Class.member, as called from vision_banana_ros.runtimes.tensorrt.
CALLED = (
    "ILogger.__init__",
    "ILogger.log",
    "Builder.__init__",
    "Builder.create_network",
    "Builder.create_builder_config",
    "Builder.create_optimization_profile",
    "Builder.build_serialized_network",
    "OnnxParser.__init__",
    "OnnxParser.parse",
    "OnnxParser.num_errors",
    "OnnxParser.get_error",
    "ParserError.desc",
    "INetworkDefinition.num_inputs",
    "INetworkDefinition.get_input",
    "ITensor.name",
    "IBuilderConfig.set_memory_pool_limit",
    "IBuilderConfig.add_optimization_profile",
    "IBuilderConfig.create_timing_cache",
    "IBuilderConfig.set_timing_cache",
    "IBuilderConfig.get_timing_cache",
    "IBuilderConfig.set_flag",
    "IBuilderConfig.progress_monitor",
    "IOptimizationProfile.set_shape",
    "ITimingCache.serialize",
    "IProgressMonitor.__init__",
    "IProgressMonitor.phase_start",
    "IProgressMonitor.step_complete",
    "IProgressMonitor.phase_finish",
    "Runtime.__init__",
    "Runtime.deserialize_cuda_engine",
    "ICudaEngine.create_execution_context",
    "ICudaEngine.num_io_tensors",
    "ICudaEngine.get_tensor_name",
    "ICudaEngine.get_tensor_mode",
    "ICudaEngine.get_tensor_dtype",
    "IExecutionContext.set_input_shape",
    "IExecutionContext.infer_shapes",
    "IExecutionContext.get_tensor_shape",
    "IExecutionContext.set_tensor_address",
    "IExecutionContext.execute_async_v3",
)
ENUMS = ("NetworkDefinitionCreationFlag", "BuilderFlag", "MemoryPoolType", "TensorIOMode", "DataType")


def signatures(module: Any) -> dict[str, list[str]]:
    """Every overload of every called member that `module` has; a property's is empty."""
    found = {}
    for called in CALLED:
        owner, name = called.split(".")
        member = getattr(module, owner, None) and getattr(getattr(module, owner), name, None)
        if member is not None:
            found[called] = _overloads(member, name)
    return found


def enums(module: Any) -> dict[str, dict[str, int]]:
    there = (name for name in ENUMS if hasattr(module, name))
    return {name: {key: int(value) for key, value in getattr(module, name).__members__.items()} for name in there}


def _overloads(member: Any, name: str) -> list[str]:
    if isinstance(member, property):
        return []
    lines = (re.sub(r"^\d+\. ", "", line.strip()) for line in (member.__doc__ or "").splitlines())
    # without module names, and with one name for what is taken for a number or a buffer
    plain = (re.sub(r"\w+(\.|::)(?=\w)", "", line) for line in lines if line.startswith(f"{name}(self"))
    return [line.replace("SupportsInt", "int").replace("Buffer", "buffer") for line in plain]


if __name__ == "__main__":
    modules = [importlib.import_module(name) for name in sys.argv[2:]]
    record: dict[str, Any] = {"signatures": {}, "enums": {}}
    for module in modules:
        record["signatures"].update(signatures(module))
        record["enums"].update(enums(module))
    print(json.dumps({sys.argv[1]: record}, indent=1))
