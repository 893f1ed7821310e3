"""A CLIP of a few thousand random weights, saved as such models are: real loading code without a download."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.curation.test_dedup import encoded


def save(folder: Path) -> Path:
    """The folder with config, weights, tokenizer and image processor of a two-layer CLIP (32-pixel pictures)."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor, CLIPTokenizer

    torch.manual_seed(0)
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    words = {"vocab_size": 80, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = CLIPConfig(
        text_config=tower | words, vision_config=tower | {"image_size": 32, "patch_size": 8}, projection_dim=16
    )
    CLIPModel(config).save_pretrained(folder)
    letters = [char + end for end in ("", "</w>") for char in "abcdefghijklmnopqrstuvwxyz0123456789?"]
    vocabulary = {token: at for at, token in enumerate(("<|startoftext|>", "<|endoftext|>", *letters))}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=16)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def patches(seed: int, form: str = "PNG") -> bytes:
    """Sixteen coloured squares: what a CLIP that reads 8-pixel patches can tell apart."""
    draw = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return encoded(Image.fromarray(draw).resize((128, 128), Image.Resampling.NEAREST), form)
