"""The simulated robot, its sensors and its room."""
