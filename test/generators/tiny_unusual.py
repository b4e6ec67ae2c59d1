"""Tiny checkpoints of families that need a tokenizer of their own, or whose processor is torchvision's alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as T  # noqa: N812 -- it is short where every line has it
from tiny_models import LABELS, letters, save, says, swin
from transformers.convert_slow_tokenizer import bytes_to_unicode

#: What Florence-2 writes for every phrase: a polygon in thousandths of the picture's sides, x before y.
POLYGON = (200, 250, 600, 250, 600, 750, 200, 750)
#: The direction that Sapiens2 sees everywhere, not of length one.
NORMAL = (0.0, 3.0, -4.0)


def oneformer(folder: Path) -> Path:
    """Every query is a swivel chair, everywhere: one thing is seen."""
    torch.manual_seed(0)
    config = T.OneFormerConfig(
        backbone_config=swin(), num_queries=6, task_seq_len=24, text_encoder_width=16, text_encoder_num_layers=1,
        text_encoder_context_length=24, text_encoder_vocab_size=54, text_encoder_n_ctx=2, conv_dim=32, mask_dim=32,
        hidden_dim=32, encoder_feedforward_dim=16, encoder_layers=1, decoder_layers=2, num_attention_heads=2,
        dim_feedforward=16, num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    model = T.OneFormerForUniversalSegmentation(config)
    decoder = model.model.transformer_module.decoder
    says(decoder.class_embed, 0.0)
    says(decoder.mask_embed.layers[-1].layers[0], 1.0)
    says(model.model.pixel_level_module.decoder.mask_projection, 1.0)
    with torch.no_grad():
        decoder.class_embed.bias[2] = 9
    save(folder, model, letters())
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 64, "width": 64}}))
    return folder


def rf_detr(folder: Path) -> Path:
    """Every query is a person whose mask is the whole picture."""
    torch.manual_seed(0)
    backbone = T.RfDetrDinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14,
        num_windows=2, out_features=["stage1", "stage2"],
    )  # fmt: skip
    config = T.RfDetrConfig(
        backbone_config=backbone, d_model=32, decoder_layers=1, decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2, decoder_n_points=2, decoder_ffn_dim=32, num_queries=5, group_detr=1,
        intermediate_size=32, num_labels=len(LABELS), id2label=LABELS,
    )  # fmt: skip
    model = T.RfDetrForInstanceSegmentation(config)
    says(model.model.class_embed, -9.0)
    says(model.query_features_proj, 0.0)
    with torch.no_grad():
        model.model.class_embed.bias[3] = 9
        model.segmentation_bias.fill_(5.0)
    save(folder, model)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 56, "width": 56}}))
    return folder


def sapiens2(folder: Path) -> Path:
    """Sees a surface that points NORMAL's way everywhere."""
    torch.manual_seed(0)
    config = T.Sapiens2Config(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=[64, 48],
        num_key_value_attention_heads=2, num_labels=3,
        head_config={"use_pixel_shuffle": True, "upsample_out_channels": [16, 8], "conv_out_channels": [8]},
    )  # fmt: skip
    model = T.Sapiens2ForNormalEstimation(config)
    head = model.decode_head.predictor
    says(head, 0.0)
    with torch.no_grad():
        head.bias.copy_(torch.tensor(NORMAL))
    save(folder, model)
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 64, "width": 48}}))
    return folder


def florence2(folder: Path) -> Path:
    """Writes POLYGON whatever it is asked: position after position, one token of it is the likeliest."""
    torch.manual_seed(0)
    tokenizer = bart_tokenizer()
    config = T.Florence2Config(
        vision_config={
            "depths": [1, 1], "patch_size": [7, 3], "patch_stride": [4, 4], "patch_padding": [3, 1],
            "patch_prenorm": [False, True], "embed_dim": [8, 16], "num_heads": [1, 2], "num_groups": [1, 2],
            "window_size": 4, "projection_dim": 16,
        },
        text_config={
            "model_type": "bart", "vocab_size": len(tokenizer), "d_model": 16, "encoder_layers": 1,
            "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16,
            "decoder_ffn_dim": 16, "max_position_embeddings": 256, "forced_bos_token_id": None,
            "decoder_start_token_id": 2, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    model = T.Florence2ForConditionalGeneration(config)
    write(model, tokenizer.convert_tokens_to_ids([f"<loc_{place}>" for place in POLYGON] + ["</s>"]))
    pictures = T.CLIPImageProcessorPil(
        size={"height": 64, "width": 64}, crop_size={"height": 64, "width": 64}, do_center_crop=False
    )
    pictures.image_seq_length = 4 * 4 + 1
    processor = T.Florence2Processor(
        image_processor=pictures, tokenizer=tokenizer, post_processor_config={"polygons": {}, "pure_text": {}}
    )
    return save(folder, model, processor)


def bart_tokenizer() -> Any:
    """Bytes for words, the places of a picture for tokens."""
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(bytes_to_unicode().values())]
    tokenizer = T.BartTokenizer(
        vocab={word: i for i, word in enumerate(words)}, merges=[], extra_special_tokens={"image_token": "<image>"}
    )
    tokenizer.add_tokens([f"<loc_{place}>" for place in range(1000)])
    return tokenizer


def write(model: Any, tokens: list[int]) -> None:
    """What the decoder says at position n is tokens[n]: its state is that position's alone, and the head knows it."""
    decoder = model.model.language_model.decoder
    with torch.no_grad():
        embedded = model.get_input_embeddings().weight  # which is the head's too
        embedded.zero_()
        decoder.embed_positions.weight.zero_()
        for n, token in enumerate(tokens):
            embedded[token, n] = 10
            decoder.embed_positions.weight[n + 2, n] = 1000  # BART counts from two
        for layer in decoder.layers:
            says(layer.self_attn.out_proj, 0.0)
            says(layer.encoder_attn.out_proj, 0.0)
            says(layer.fc2, 0.0)


BUILDERS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker for maker in (oneformer, rf_detr, sapiens2, florence2)
}
