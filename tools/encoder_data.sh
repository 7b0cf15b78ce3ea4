#!/usr/bin/env bash
# encoder_data.sh DIR: meshes and photographs that packages carry, for `m3 bench encoder`.
# Licences: m3_ros/evaluate/encoder_references.json. Needs pip and apt-get; 0.9 GB in DIR.
set -euo pipefail
mkdir -p "$1" && cd "$1"
python3 -m pip download --quiet --no-deps --dest wheels pybullet==3.2.7 robosuite==1.5.2 \
  metaworld==3.1.1 scikit-image==0.26.0 scikit-learn==1.9.1
for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" .; done
apt-get download --quiet opencv-doc
dpkg-deb -x opencv-doc_*.deb .
[[ -d shelf_rgbd ]] || echo "copy or link the scan of a shelf to $PWD/shelf_rgbd"
