"""`python -m fumewatch.cli`: the same as `fumewatch`."""

from fumewatch.cli import main

if __name__ == "__main__":
    main()
