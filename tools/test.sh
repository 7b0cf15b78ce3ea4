#!/usr/bin/env bash
# Run all tests: unit tests side by side, then the ROS 2 tests, whose processes fill the machine,
# one after the other. With arguments run pytest with these instead.
set -o pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
source tools/environment.sh
if (($#)); then exec pytest "$@"; fi
status=0
OMP_NUM_THREADS=1 pytest --numprocesses 2 --dist loadfile --ignore test/ros --durations 10 || status=$?
pytest --durations 10 test/ros || status=$?
exit "$status"
