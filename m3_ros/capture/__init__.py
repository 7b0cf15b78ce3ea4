"""Capture: posed RGB-D frames, the frame tree over time, the pose chain and scan folders."""
