"""Tiny checkpoints of transformers' real classes, made from configurations: a second each, a megabyte together.

Weights are random unless a test needs a known answer: then the last layer is set so that the model says it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as T  # noqa: N812 -- it is short where every line has it

T.logging.set_verbosity_error()
T.utils.logging.disable_progress_bar()

#: id2label of the segmenters, as data sets write such names.
LABELS = {0: "wall", 1: "floor, flooring", 2: "swivel chair", 3: "person"}
PLANE_M = 5.0


def dinov2() -> Any:
    return T.Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=56, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], apply_layernorm=True, reshape_hidden_states=False,
    )  # fmt: skip


def dpt_processor() -> Any:
    return T.DPTImageProcessorPil(size={"height": 56, "width": 56}, ensure_multiple_of=14, keep_aspect_ratio=True)


def depth_anything(**extra: Any) -> Any:
    return T.DepthAnythingForDepthEstimation(
        T.DepthAnythingConfig(
            backbone_config=dinov2(), reassemble_hidden_size=32, neck_hidden_sizes=[8, 8, 16, 16],
            fusion_hidden_size=16, head_hidden_size=8, **extra,
        )
    )  # fmt: skip


def says(layer: Any, value: float) -> None:
    """A layer that gives `value` whatever it is fed."""
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(value)


def save(folder: Path, model: Any, *processors: Any) -> Path:
    model.eval().save_pretrained(folder)
    for processor in processors:
        processor.save_pretrained(folder)
    return folder


def metric(folder: Path) -> Path:
    """Depth-Anything, metric up to 20 m, that sees a plane PLANE_M away: sigmoid(x) * 20."""
    model = depth_anything(depth_estimation_type="metric", max_depth=20)
    says(model.head.conv3, float(torch.logit(torch.tensor(PLANE_M / 20))))
    return save(folder, model, dpt_processor())


def relative(folder: Path) -> Path:
    torch.manual_seed(3)
    return save(folder, depth_anything(), dpt_processor())


def prompted(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.PromptDepthAnythingConfig(
        backbone_config=dinov2(), reassemble_hidden_size=32, neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16,
        head_hidden_size=8, depth_estimation_type="metric",
    )  # fmt: skip
    model = T.PromptDepthAnythingForDepthEstimation(config)
    says(model.head.conv3, 0.0)  # sigmoid 0.5 of the range of the prompt
    processor = T.PromptDepthAnythingImageProcessorPil(
        size={"height": 56, "width": 56}, ensure_multiple_of=14, keep_aspect_ratio=True
    )
    return save(folder, model, processor)


def midas(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16,
    )  # fmt: skip
    return save(folder, T.DPTForDepthEstimation(config), T.DPTImageProcessorPil(size={"height": 64, "width": 64}))


def glpn(folder: Path) -> Path:
    """Metres up to 10, a plane PLANE_M away."""
    config = T.GLPNConfig(
        num_encoder_blocks=4, depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16, max_depth=10,
    )  # fmt: skip
    model = T.GLPNForDepthEstimation(config)
    says(model.head.head[2], 0.0)
    return save(folder, model, T.GLPNImageProcessorPil())


def zoedepth(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = T.BeitConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=64, patch_size=16,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False,
        use_relative_position_bias=True, use_mask_token=False,
    )  # fmt: skip
    config = T.ZoeDepthConfig(
        backbone_config=backbone, neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16, bottleneck_features=16,
        bin_embedding_dim=16, num_relative_features=16, num_attractors=[4, 2, 2, 1],
        bin_centers_type="normed",
        bin_configurations=[{"n_bins": 8, "min_depth": 4.9, "max_depth": 5.1, "name": "nyu"}],
    )  # fmt: skip
    processor = T.ZoeDepthImageProcessorPil(size={"height": 64, "width": 64})
    return save(folder, T.ZoeDepthForDepthEstimation(config), processor)


def depth_pro(folder: Path) -> Path:
    """Canonical inverse depth 0.25 everywhere: focal / width / 0.25 metres."""
    torch.manual_seed(0)
    vit = {
        "model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "image_size": 32, "patch_size": 8, "use_mask_token": False,
    }  # fmt: skip
    config = T.DepthProConfig(
        image_model_config=vit, patch_model_config=vit, fov_model_config=vit, patch_size=32, fusion_hidden_size=16,
        intermediate_hook_ids=[1, 0], intermediate_feature_dims=[8, 8], scaled_images_ratios=[0.25, 0.5, 1],
        scaled_images_overlap_ratios=[0.0, 0.5, 0.25], scaled_images_feature_dims=[16, 8, 8], use_fov_model=True,
        num_fov_head_layers=0,
    )  # fmt: skip
    model = T.DepthProForDepthEstimation(config)
    says(model.head.layers[-2], 0.25)
    says(model.fov_model.head.layers[-1], 60.0)
    save(folder, model)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 128, "width": 128}}))
    return folder


def tips(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = T.Tipsv2VisionConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False,
    )  # fmt: skip
    config = T.Tipsv2DptConfig(
        backbone_config=backbone, neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=16, num_depth_bins=16,
        num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    save(folder, T.Tipsv2DptForDensePrediction(config))
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 56, "width": 56}}))
    return folder


def segformer(folder: Path) -> Path:
    """Sees floor everywhere."""
    config = T.SegformerConfig(
        num_encoder_blocks=4, depths=[1] * 4, hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16, num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    model = T.SegformerForSemanticSegmentation(config)
    says(model.decode_head.classifier, 0.0)
    with torch.no_grad():
        model.decode_head.classifier.bias[1] = 5
    return save(folder, model, T.SegformerImageProcessorPil(size={"height": 64, "width": 64}))


def swin(first: int = 1) -> Any:
    """A backbone that gives the features of its stages from `first` on."""
    return T.SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=4,
        out_features=[f"stage{number}" for number in range(first, 5)],
    )  # fmt: skip


def mask2former(folder: Path) -> Path:
    """Every query is a swivel chair, everywhere: one thing is seen."""
    torch.manual_seed(0)
    config = T.Mask2FormerConfig(
        backbone_config=swin(), feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=6,
        num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    model = T.Mask2FormerForUniversalSegmentation(config)
    says(model.class_predictor, 0.0)
    with torch.no_grad():
        model.class_predictor.bias[2] = 9
    return save(folder, model, T.Mask2FormerImageProcessorPil(size={"height": 64, "width": 64}))


def maskformer(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.MaskFormerConfig(
        backbone_config=swin(),
        decoder_config=T.DetrConfig(
            d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=5,
        ),
        fpn_feature_size=32, mask_feature_size=32, num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    model = T.MaskFormerForInstanceSegmentation(config)
    return save(folder, model, T.MaskFormerImageProcessorPil(size={"height": 64, "width": 64}))


def eomt(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.EomtConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=64, image_size=64, patch_size=16,
        num_queries=6, num_blocks=1, num_register_tokens=1, num_upscale_blocks=2, num_labels=len(LABELS),
        id2label=LABELS,
    )  # fmt: skip
    processor = T.EomtImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 64}, do_pad=True)
    return save(folder, T.EomtForUniversalSegmentation(config), processor)


def upernet(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = T.ConvNextConfig(
        depths=[1] * 4, hidden_sizes=[8, 8, 16, 16], out_features=["stage1", "stage2", "stage3", "stage4"]
    )
    config = T.UperNetConfig(
        backbone_config=backbone, hidden_size=16, pool_scales=[1, 2], use_auxiliary_head=False, num_labels=len(LABELS),
        id2label=LABELS,
    )  # fmt: skip
    processor = T.SegformerImageProcessorPil(size={"height": 64, "width": 64})
    return save(folder, T.UperNetForSemanticSegmentation(config), processor)


def letters() -> Any:
    alphabet = [chr(i) for i in range(97, 123)]
    words = alphabet + [c + "</w>" for c in alphabet] + ["<|startoftext|>", "<|endoftext|>"]
    return T.CLIPTokenizer(vocab={t: i for i, t in enumerate(words)}, merges=[])


_TEXT = {
    "vocab_size": 54, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 32, "eos_token_id": 53, "bos_token_id": 52, "pad_token_id": 53,
}  # fmt: skip


def clipseg(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.CLIPSegConfig(
        text_config=_TEXT,
        vision_config={
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16,
        },
        projection_dim=16, reduce_dim=16, decoder_num_attention_heads=2, decoder_intermediate_size=16,
        extract_layers=[1, 2, 3],
    )  # fmt: skip
    processor = T.CLIPSegProcessor(T.ViTImageProcessorPil(size={"height": 64, "width": 64}), letters())
    return save(folder, T.CLIPSegForImageSegmentation(config), processor)


def sam3(folder: Path) -> Path:
    torch.manual_seed(0)
    vision = {
        "model_type": "sam3_vision_model", "fpn_hidden_size": 32, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        "backbone_config": {
            "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "window_size": 2, "global_attn_indexes": [1],
            "pretrain_image_size": 56,
        },
    }  # fmt: skip
    small: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 2}
    config = T.Sam3Config(
        vision_config=vision, text_config=dict(model_type="clip_text_model", projection_dim=16, **_TEXT),
        geometry_encoder_config=dict(num_layers=1, intermediate_size=32, **small),
        detr_encoder_config=dict(num_layers=1, intermediate_size=32, **small),
        detr_decoder_config=dict(num_layers=2, num_queries=8, intermediate_size=32, **small),
        mask_decoder_config=dict(**small),
    )  # fmt: skip
    save(folder, T.Sam3Model(config), letters())
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 56, "width": 56}}))
    return folder


def owlv2(folder: Path) -> Path:
    torch.manual_seed(0)
    config = T.Owlv2Config(
        text_config=_TEXT,
        vision_config={
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16,
        },
        projection_dim=16,
    )  # fmt: skip
    tokenizer = letters()
    tokenizer.model_max_length = 32
    processor = T.Owlv2Processor(T.Owlv2ImageProcessorPil(size={"height": 64, "width": 64}), tokenizer)
    return save(folder, T.Owlv2ForObjectDetection(config), processor)


def grounding_dino(folder: Path) -> Path:
    torch.manual_seed(0)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "floor", "swivel", "chair", "wall", "?"]
    config = T.GroundingDinoConfig(
        backbone_config=swin(first=2),
        text_config=T.BertConfig(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=256,
        ),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=6, num_feature_levels=4, max_text_len=32,
    )  # fmt: skip
    tokenizer = T.BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)})
    pictures = T.GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
    processor = T.GroundingDinoProcessor(pictures, tokenizer)
    return save(folder, T.GroundingDinoForObjectDetection(config), processor)


def sam2(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 16, "num_attention_heads": 1, "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [4, 4, 4, 4], "window_positional_embedding_background_size": [4, 4],
        "global_attention_blocks": [3], "patch_kernel_size": [7, 7], "patch_stride": [4, 4], "patch_padding": [3, 3],
    }  # fmt: skip
    config = T.Sam2Config(
        vision_config={
            "model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": [128, 64, 32, 16],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16, "mask_input_channels": 8},
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "iou_head_hidden_dim": 32
        },
    )  # fmt: skip
    save(folder, T.Sam2Model(config))
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 64, "width": 64}}))
    return folder


BUILDERS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker
    for maker in (
        metric, relative, prompted, midas, glpn, zoedepth, depth_pro, tips, segformer, upernet, mask2former, maskformer,
        eomt, clipseg, sam3, owlv2, grounding_dino, sam2,
    )
}  # fmt: skip
