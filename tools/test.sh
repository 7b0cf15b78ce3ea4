#!/usr/bin/env bash
# Run all tests on two workers: unit tests, then the ROS 2 tests, each file of which has a domain of
# its own. With arguments run pytest with these instead.
set -o pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
source tools/environment.sh
if (($#)); then exec pytest "$@"; fi
workers="--numprocesses 2 --dist loadfile --durations 10"
status=0
OMP_NUM_THREADS=1 pytest $workers --ignore test/ros || status=$?
pytest $workers --no-loadscope-reorder test/ros || status=$?  # the longest test is among the first
exit "$status"
