"""What each recipe sets: the keys that differ from the original study's values.

`notebook` is the original, defects included, so it changes nothing. What each change of `cured` is worth, alone and
left out, is what the study `causes` measures.
"""

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "notebook": {},
    "cured": {
        "latent_dim": 64,
        "epochs": 5,
        "batch_size": 16,
        "learning_rate": 0.003,
        "text_target": "frame5",
        "image_heads": "single",
        "input_norm": "batchnorm",
        "latent_norm": "layernorm",
        "equalize": False,
        "windows": "sliding",
        "text_dim": 192,
        "fused_dim": 192,
        "fused_dropout": 0.3,
        "text_decoder": "trained",
        "text_conditioning": "every_step",
        "text_encoder": "words",
        "word_weights": "tied",
        "text_attention": "words",
        "text_copy": "words",
        "visual_encoder": "frozen",
        "image_copy": "pixels",
        "schedule": "cosine",
        "gradient_clip": 1.0,
        "visual_pretraining": 5,
        "text_pretraining": 8,
        "text_task": "language",
    },
}


def with_recipe(given: dict[str, Any]) -> dict[str, Any]:
    """Keys of a configuration, those of the recipe that it names beneath them."""
    return recipe_of(given) | given


def recipe_of(given: dict[str, Any]) -> dict[str, Any]:
    """What the recipe named among these keys sets; nothing where none is named, or one that does not exist."""
    return RECIPES.get(str(given.get("recipe", "notebook")).strip(), {})
