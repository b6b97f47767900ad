"""A record and its summary as the tokens a model is trained on."""

from transformers import PreTrainedTokenizerBase

from jobs.prompts import messages
from jobs.stages.checks import Marks
from jobs.stages.entry import StageRefusal

ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
)
"""Tokens that llama.cpp takes for the end of an answer wherever a vocabulary has them, beside its own end token."""


def encode(
    tokenizer: PreTrainedTokenizerBase, source: str, target: str, section: str = ""
) -> tuple[list[int], list[int]]:
    """Token ids of the prompt, and of the summary with the token that ends a turn.

    They are tokenized apart, as the engine does: it sees the prompt alone and goes on from its last token.
    """
    chat = messages(source, section)
    prompt: str = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    answer = {"role": "assistant", "content": target}
    whole: str = tokenizer.apply_chat_template([*chat, answer], tokenize=False)
    # Templates close a turn with a marker and a line feed; the engine stops at the marker.
    completion = whole.removeprefix(prompt).rstrip()
    if completion == whole.rstrip():
        raise StageRefusal(
            "The base's chat template changes its prompt once the answer stands there, so a model could not "
            "learn to go on from it. Correct the template, or choose another base."
        )
    return (
        tokenizer(prompt, add_special_tokens=False).input_ids,
        tokenizer(completion, add_special_tokens=False).input_ids,
    )


def marks_of(tokenizer: PreTrainedTokenizerBase) -> Marks:
    known = tokenizer.get_added_vocab()
    ends = {known[name] for name in ENDS if name in known} | {tokenizer.eos_token_id}
    bos = tokenizer.bos_token_id
    return Marks(
        bos=bos,
        wants_bos=bos is not None and tokenizer("a").input_ids[:1] == [bos],
        ends=frozenset(ends - {None}),
    )
