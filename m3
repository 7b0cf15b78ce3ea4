#!/usr/bin/env bash
# The m3 command line in the environment that `make setup` made, from any folder.
trap 'exit 130' INT TERM # bash forgets a signal that comes while another program runs
root="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
if [[ ! -e $root/install/bin/m3 ]]; then
  echo "m3: nothing is built yet; run: make -C $root setup" >&2
  exit 1
fi
source "$root/tools/environment.sh"
exec "$root/.venv/bin/python" "$root/install/bin/m3" "$@"
