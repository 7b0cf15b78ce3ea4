# Source this: the environment that `make setup` made, and nothing of another ROS installation.
m3_root="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")"
source "$m3_root/tools/other_environments.sh"
export PATH="$m3_root/.venv/bin:$PATH" MUJOCO_GL="${MUJOCO_GL:-egl}"
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$m3_root/config/fastdds.xml}"
if [[ -e $m3_root/install/local_setup.bash ]]; then
  source "$m3_root/install/local_setup.bash"
fi
