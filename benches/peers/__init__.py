"""The programs that `compare.py` sets beside this engine, one file each; `problem.py` makes their data."""
