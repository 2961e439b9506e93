"""The axes of a spec by name: which there are, their defaults, what a scale replaces. Imports nothing heavy."""

from typing import Any

# Axes that say which labels, and axes that say how a model is trained on them.
LABEL_AXES = (
    "variety",
    "aggregation",
    "annotators",
    "items",
    "rest",
    "gamma",
    "beta",
    "similarity",
    "hmix",
    "hmix_images",
    "confidence_decay",
    "hiring",
    "holdout",
    "pages_on",
    "clicks",
    "control",
    "budget_hours",
    "budget_buys",
)


TRAINING_AXES = (
    "model",
    "epochs",
    "batch",
    "learning_rate",
    "schedule",
    "weight_decay",
    "augmentation",
    "image_size",
    "mixing",
    "alpha",
    "target_mixing",
    "loss",
    "entropy_floor",
    "early_stopping",
)


AXES = (*LABEL_AXES, *TRAINING_AXES)


# How often a trial keeps a point of its learning curve (epochs) and where it stands (seconds), unless a spec says.
CURVE_EVERY, CHECKPOINT_EVERY = 1, 120.0


REPLICATES = ("seeds", "panels", "repeats")  # keys of a spec, and of a block that has its own


# Axes that are refused where they make no sense: a setting reaches the blocks that have one.
PARTIAL_AXES = (
    "similarity",
    "hmix",
    "hmix_images",
    "confidence_decay",
    "hiring",
    "pages_on",
    "clicks",
    "control",
    "mixing",
    "alpha",
    "target_mixing",
    "loss",
    "entropy_floor",
    "early_stopping",
)


# A scale replaces the model, its schedule and the image size; `paper` leaves them as the preset has them.
SCALES: dict[str, dict[str, Any]] = {
    "tiny": {"model": "cnn", "epochs": 2, "batch": 64, "learning_rate": 0.1, "schedule": "one-cycle", "image_size": 8},
    "half": {
        "model": "cnn",
        "epochs": 15,
        "batch": 64,
        "learning_rate": 0.1,
        "schedule": "one-cycle",
        "image_size": 16,
    },
    "small": {
        "model": "cnn",
        "epochs": 15,
        "batch": 64,
        "learning_rate": 0.1,
        "schedule": "one-cycle",
        "image_size": 32,
    },
    "paper": {},
}


DEFAULT_AXES: dict[str, Any] = {
    "aggregation": "separate",
    "annotators": "all",
    "items": "all",
    "rest": "hard",
    "gamma": 0.1,
    "beta": 0.05,
    "similarity": None,
    "hmix": None,
    "hmix_images": None,
    "confidence_decay": None,
    "hiring": None,
    "holdout": "images",
    "pages_on": None,
    "clicks": None,
    "control": None,
    "budget_hours": None,
    "budget_buys": "annotators",
    "weight_decay": 1e-4,
    "augmentation": "none",
    "mixing": "none",
    "alpha": None,
    "target_mixing": None,
    "loss": "cross-entropy",
    "entropy_floor": None,
    "early_stopping": None,
    **SCALES["small"],
}
