"""`python -m m3_ros`, for `torchrun -m m3_ros build`: the same as `m3`."""

import sys

from m3_ros.cli.start import main

sys.exit(main())
