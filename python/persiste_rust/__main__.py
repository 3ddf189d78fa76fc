"""`python -m persiste_rust`: the command line."""

import sys

from persiste_rust.cli import main

sys.exit(main())
