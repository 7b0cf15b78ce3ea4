#!/usr/bin/env bash
# Run the tests of the native library, and calls with arguments changed at random, under the
# address and undefined-behaviour sanitizers: `tools/sanitize.sh [RUNS]`, after `make setup`.
set -eo pipefail  # not -u: the scripts of colcon read variables that are not set
cd "$(dirname "$(readlink -f "$0")")/.."
library=$PWD/m3_ros/splat/_native/libm3_splat_sanitized.so
trap 'rm -f "$library"' EXIT  # the next build must not install it

source tools/environment.sh
cmake -S src -B build/sanitize -DM3_SANITIZE=ON >build/sanitize.log
cmake --build build/sanitize >>build/sanitize.log

export M3_SPLAT_ISA=sanitized
# The sources come first: the installed package has no link to the library built above.
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
# Python itself keeps memory until its end, and OpenMP's threads wait without need.
export ASAN_OPTIONS=detect_leaks=0 OMP_WAIT_POLICY=passive
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
preload+=" $(gcc -print-file-name=libstdc++.so)"
LD_PRELOAD=$preload pytest -q -p no:cacheprovider test/splat
LD_PRELOAD=$preload python tools/fuzz.py rasterizer --runs "${1:-2000}"
