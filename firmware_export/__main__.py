"""`python -m firmware_export`."""

from firmware_export.cli import main

if __name__ == "__main__":
    main()
