"""What a campaign's file may say: its model, its distributions, and how it is read and checked."""

__all__ = [
    "conversation",
    "distributions",
    "load",
    "model",
    "part",
    "parts",
    "quantity",
    "template",
    "texts",
]
