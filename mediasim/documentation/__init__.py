"""The documentation that ships with the package: its pages, the search in them, and their HTML.

Pages are Markdown files in ``mediasim/docs``, in a folder of their kind. ``mediasim docs`` prints
them and the sandbox serves them; both name a page by its topic, which is its file's name.
"""

__all__ = ["html", "pages", "search", "terminal"]
