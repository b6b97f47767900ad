"""The catalogue's models as plain numbers, enough to build each without its weights: transformers' own config fields.

For a plan of memory and disk before anything is fetched (``jobs.stages.machine_plan``). A base of the clinic's own
brings its config in its folder.
"""

from typing import Any

_LLAMA = {"model_type": "llama", "max_position_embeddings": 8192, "tie_word_embeddings": True}
_GEMMA = {"model_type": "gemma3_text", "head_dim": 256, "tie_word_embeddings": True}

SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": {
        **_LLAMA,
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
    },
    "smollm2-360m": {
        **_LLAMA,
        "hidden_size": 960,
        "num_hidden_layers": 32,
        "num_attention_heads": 15,
        "num_key_value_heads": 5,
        "intermediate_size": 2560,
        "vocab_size": 49152,
    },
    "smollm2-1.7b": {
        **_LLAMA,
        "hidden_size": 2048,
        "num_hidden_layers": 24,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "intermediate_size": 8192,
        "vocab_size": 49152,
    },
    "gemma3-270m": {
        **_GEMMA,
        "hidden_size": 640,
        "num_hidden_layers": 18,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "intermediate_size": 2048,
        "vocab_size": 262144,
    },
    "gemma3-1b": {
        **_GEMMA,
        "hidden_size": 1152,
        "num_hidden_layers": 26,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "intermediate_size": 6912,
        "vocab_size": 262144,
    },
    "gemma3-4b": {
        "model_type": "gemma3",
        "text_config": {
            **_GEMMA,
            "hidden_size": 2560,
            "num_hidden_layers": 34,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "intermediate_size": 10240,
            "vocab_size": 262208,
        },
        # The part that sees pictures takes memory, though a clinic's records have none.
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 1152,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "intermediate_size": 4304,
            "image_size": 896,
            "patch_size": 14,
            "vision_use_head": False,
        },
    },
    "llama3.1-8b": {
        **_LLAMA,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "vocab_size": 128256,
    },
    "phi-2": {
        "model_type": "phi",
        "tie_word_embeddings": False,
        "partial_rotary_factor": 0.4,
        "hidden_size": 2560,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "intermediate_size": 10240,
        "vocab_size": 51200,
    },
}
