"""A very small Idefics3, built from the words of an export: a real architecture that one core can train.

0.6 M parameters, 48 x 48 pixels, word-level tokenizer. It exists for `make train-demo` and the tests; everything it
goes through (Auto classes, processor, chat template) is what a large model goes through.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import Idefics3Processor, PreTrainedTokenizerFast

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
PIECE = r"</?[a-z]+>|[A-Za-z]+|\d|\s|[^\w\s]"
SPECIAL = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
SIDE, PATCH, SHUFFLE = 48, 8, 2
WIDTH, HEADS, LAYERS = 96, 4, 3

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}{% generation %}"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}"
    "{% endif %}<|im_end|>{% endgeneration %}"
    "{% elif m['content'] is string %}{{ m['content'] }}<|im_end|>"
    "{% else %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def words_of(texts: Iterable[str]) -> list[str]:
    """Every piece of these texts, sorted: few, since each costs the random head probability it must unlearn."""
    found = {piece for text in texts for piece in re.findall(PIECE, text)}
    return sorted(found | {"user", "assistant", "system", "\n", " "} - set(TAGS))


def build(texts: Iterable[str], folder: Path, *, seed: int = 0) -> int:
    """Save a fresh model and processor to `folder`; how many weights it has. `texts` give the vocabulary."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, LlamaConfig

    torch.manual_seed(seed)
    tokenizer = _tokenizer(words_of(texts))
    text = LlamaConfig(
        hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=HEADS, max_position_embeddings=512, vocab_size=len(tokenizer), tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    vision = {
        "hidden_size": WIDTH, "intermediate_size": 3 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS,
        "image_size": SIDE, "patch_size": PATCH,
    }  # fmt: skip
    config = Idefics3Config(
        text_config=text, vision_config=vision, scale_factor=SHUFFLE, tie_word_embeddings=False,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"), pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    model = Idefics3ForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    _processor(tokenizer).save_pretrained(folder)
    return sum(weights.numel() for weights in model.parameters())


def _tokenizer(words: list[str]) -> "PreTrainedTokenizerFast":
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    first = ["<pad>", "<unk>", "<|im_start|>", "<|im_end|>", *SPECIAL, *TAGS]
    vocabulary = {piece: at for at, piece in enumerate([*first, *(word for word in words if word not in first)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", *SPECIAL], padding_side="left", model_max_length=512,
    )  # fmt: skip


def _processor(tokenizer: "PreTrainedTokenizerFast") -> "Idefics3Processor":
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    images = Idefics3ImageProcessorPil(
        do_image_splitting=False, size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}
    )
    return Idefics3Processor(
        image_processor=images, tokenizer=tokenizer, image_seq_len=(SIDE // PATCH // SHUFFLE) ** 2,
        chat_template=TEMPLATE,
    )  # fmt: skip
