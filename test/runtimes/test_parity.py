"""Every runtime paints what PyTorch paints, in metres, degrees and labels; whatever K, P and the size are."""

import copy
from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from seeded_model import WIDE, frame, golden_boxes, seeded_student, text_table

from vision_banana_ros.core import Target, Task
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes import onnx, openvino
from vision_banana_ros.runtimes import torch as torch_runtime
from vision_banana_ros.runtimes.runtime import Runtime, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.runtimes.torch import TorchRuntime
from vision_banana_ros.student.blocks import ConvNorm
from vision_banana_ros.student.halved import halved
from vision_banana_ros.student.paintbox import pack

OPTIONS = RuntimeOptions(threads=1)
OPENERS: dict[str, Callable[[ModelFolder, Precision, RuntimeOptions], Runtime]] = {
    "onnxruntime": onnx.open_runtime,
    "openvino": openvino.open_runtime,
    "torch": torch_runtime.open_runtime,
}
WAYS = [
    ("onnxruntime", Precision.FP32),
    ("onnxruntime", Precision.FP16),
    ("openvino", Precision.FP32),
    ("openvino", Precision.BF16),
    ("torch", Precision.FP32),
]


def open_here(model: ModelFolder, backend: str, precision: Precision) -> Runtime:
    try:
        return OPENERS[backend](model, precision, OPTIONS)
    except RuntimeUnfit as error:
        if precision is Precision.BF16 and "bf16" in str(error):
            pytest.skip(str(error))  # the processor has no such arithmetic
        raise


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_the_golden_frame_is_painted_alike(model: ModelFolder, backend: str, precision: Precision) -> None:
    result = check(open_here(model, backend, precision), load_golden(model), golden_boxes())
    assert result.passed, result.why()
    assert len(result.deviations) == 10
    assert sum("asked alone" in deviation.measure for deviation in result.deviations) == 3


def test_the_golden_canvases_have_enough_contrast_to_tell_runtimes_apart(model: ModelFolder) -> None:
    for canvas in load_golden(model).canvases:
        assert canvas.reshape(-1, 3).std(axis=0).max() > 10


@pytest.mark.parametrize("backend", OPENERS)
@pytest.mark.parametrize("size_wh", [(128, 96), WIDE, (64, 32)])
def test_any_size_and_number_of_prompts_is_painted_as_pytorch_does(
    model: ModelFolder, backend: str, size_wh: tuple[int, int]
) -> None:
    runtime = open_here(model, backend, Precision.FP32)
    reference = torch_runtime.TorchRuntime(seeded_student())
    image = frame(17, size_wh)[None]
    targets = (Target("door", (255, 0, 0)),)
    prompts = (
        Instruction(Task.NORMALS),
        Instruction(Task.REFERRING, targets),
        Instruction(Task.DEPTH, depth_encoding="viridis"),
        Instruction(Task.RAYS),
        Instruction(Task.INSTANCE, (Target("box"),)),
    )
    for count in (1, 2, 5):
        boxes = pack(prompts[:count], text_table())
        painted, wanted = runtime.paint(image, boxes), reference.paint(image, boxes)
        assert painted.shape == (count, 3, size_wh[1], size_wh[0])
        assert np.abs(painted.astype(int) - wanted).mean() < 0.1


@pytest.mark.parametrize("backend", OPENERS)
def test_a_prompt_is_painted_the_same_alone_and_among_others(model: ModelFolder, backend: str) -> None:
    runtime = open_here(model, backend, Precision.FP32)
    image = frame(3)[None]
    together = runtime.paint(image, golden_boxes()).copy()
    alone = runtime.paint(image, pack([Instruction(Task.NORMALS)], text_table()))
    assert np.abs(alone[0].astype(int) - together[1]).max() <= 1


def test_what_a_runtime_cannot_compute_in_is_refused_with_what_to_use(model: ModelFolder) -> None:
    with pytest.raises(RuntimeUnfit, match="use openvino"):
        onnx.open_runtime(model, Precision.BF16, OPTIONS)
    with pytest.raises(RuntimeUnfit, match="not fp16"):
        openvino.open_runtime(model, Precision.FP16, OPTIONS)
    with pytest.raises(RuntimeUnfit, match="fp32 on a CPU"):
        torch_runtime.open_runtime(model, Precision.FP16, OPTIONS)


def test_a_graph_that_is_no_graph_concerns_this_runtime_alone() -> None:
    for broken in (b"", b"not a graph"):
        with pytest.raises(RuntimeUnfit, match="cannot load"):
            onnx.OnnxRuntime(broken, Precision.FP32, OPTIONS)
        with pytest.raises(RuntimeUnfit, match="cannot compile"):
            openvino.OpenVinoRuntime(broken, Precision.FP32, "f32", OPTIONS)


@pytest.mark.parametrize("opener", [onnx.open_cuda_runtime, torch_runtime.open_cuda_runtime])
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
def test_a_gpu_runtime_paints_alike_or_says_what_is_missing(
    model: ModelFolder, opener: Callable[[ModelFolder, Precision, RuntimeOptions], Runtime], precision: Precision
) -> None:
    has_cuda = torch.cuda.is_available()
    if opener is onnx.open_cuda_runtime:
        has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if not has_cuda:
        with pytest.raises(RuntimeUnfit, match="CUDA"):
            opener(model, precision, OPTIONS)
        return
    runtime = opener(model, precision, OPTIONS)
    result = check(runtime, load_golden(model), golden_boxes())
    assert result.passed, result.why()


def test_variances_beyond_the_largest_half_float_do_not_break_halves() -> None:
    student = copy.deepcopy(seeded_student())
    with torch.no_grad():
        for module in student.modules():
            if isinstance(module, ConvNorm):
                module.conv.weight.mul_(300)  # undone by the normalisation that follows
                module.norm.running_mean.mul_(300)
                module.norm.running_var.mul_(300**2)
                module.norm.eps *= 300**2
    assert max(float(m.running_var.max()) for m in student.modules() if isinstance(m, torch.nn.BatchNorm2d)) > 65504
    half = TorchRuntime(halved(student)).paint(frame(0)[None], golden_boxes())
    full = TorchRuntime(student).paint(frame(0)[None], golden_boxes())
    assert np.abs(half.astype(int) - full).mean() < 1.5
