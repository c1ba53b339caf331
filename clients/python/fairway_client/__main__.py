"""`python -m fairway_client` is the same as `fairway`."""

import sys

from fairway_client.cli.main import main

sys.exit(main())
