"""`python -m quantize` is `edge-quantize`."""

from quantize.cli import main

if __name__ == "__main__":
    main()
