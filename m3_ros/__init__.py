"""m3_ros: a 3D spatial multimodal memory for a robot that scans, remembers, finds and grasps."""
