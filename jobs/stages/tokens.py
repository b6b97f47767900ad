"""A record and its summary as the tokens a model is trained on."""

from transformers import PreTrainedTokenizerBase

from jobs.prompts import messages
from jobs.stages.entry import StageRefusal


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
    if completion == whole.rstrip() or completion == target:
        raise StageRefusal("The base's chat template does not end a turn; a model could not learn to stop.")
    return (
        tokenizer(prompt, add_special_tokens=False).input_ids,
        tokenizer(completion, add_special_tokens=False).input_ids,
    )
