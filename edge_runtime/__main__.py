"""`python -m edge_runtime`: the same as the command `edge-runtime`."""

if __name__ == "__main__":  # a worker imports this module under another name
    from edge_runtime.cli import main

    main()
