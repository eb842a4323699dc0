"""``python -m davserver`` is the ``davserver`` command."""

from davserver.cli import main

if __name__ == "__main__":
    main()
