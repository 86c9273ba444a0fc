"""What a campaign's file may say: its model, its distributions, and how it is read and checked."""

__all__ = ["distributions", "load", "model", "quantity", "template"]
