# Source this: what the steps of setup.sh read.

# torch_arguments INDEX: pip's arguments for torch and torchvision in the versions of core.txt, from
# the address of a package index or a folder of wheels.
torch_arguments() {
  if [[ -d $1 ]]; then echo "--no-index --find-links $1"; else echo "--index-url $1"; fi
  sed -n 's/^\(torch\(vision\)\?==[^ ]*\).*/\1/p' requirements/core.txt
}

# build_inputs FILE...: a digest of what the build reads. It links Python files and settings, of which
# the names count; what it compiles or generates from, and FILEs, count with their contents.
build_inputs() {
  {
    pwd
    find m3_ros launch config urdf mjcf -name __pycache__ -prune -o -type f -print
    find CMakeLists.txt package.xml setup.py scripts src msg srv action tools/bare_ros "$@" \
      -type f -exec sha256sum {} +
  } | sort | sha256sum
}
