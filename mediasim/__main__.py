"""``python -m mediasim``."""

from mediasim.cli import main

if __name__ == "__main__":
    main()
