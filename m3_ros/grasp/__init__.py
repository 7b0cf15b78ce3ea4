"""From a target to an object in the gripper: candidates, kinematics, planning, execution."""
