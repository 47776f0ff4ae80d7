"""`python -m recorder`: the command line, where the console script is not installed."""

from recorder.cli import main

if __name__ == "__main__":
    main()
