"""Writes a tiny random Llama and its tokenizer, so that no weights are fetched: python tiny_hf.py DIRECTORY

It knows nothing; it takes the same way through a server as any other model does. A token is one printable
character, so that a client which counts tokens in the text of an answer finds as many as the server made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
SPACE = "\u0120"
"""As byte-level tokenizers write it; the other printable characters stand for themselves."""


def tokenizer() -> PreTrainedTokenizerFast:
    """Of single characters of ASCII, without merges."""
    tokens = [*SPECIAL.values(), SPACE, *map(chr, range(33, 127))]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=SPECIAL["unk_token"]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL)


def model(words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Ten million weights, the same in every run. It takes the likeliest token, and never a special one."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=384,
        intermediate_size=1056,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=2048,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        tie_word_embeddings=False,
    )
    made = LlamaForCausalLM(config)
    with torch.no_grad():
        made.lm_head.weight[: len(SPECIAL)] = 0.0
    made.generation_config = GenerationConfig(
        do_sample=True, top_k=1, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id
    )
    return made


def main() -> None:
    directory = Path(sys.argv[1])
    words = tokenizer()
    words.save_pretrained(directory)
    model(words).save_pretrained(directory)


if __name__ == "__main__":
    main()
