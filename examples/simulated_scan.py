"""Scan the simulated table without ROS: python examples/simulated_scan.py OUTPUT [--seed N]

Writes a scan folder (nerfstudio's transforms.json, images, depths) for `m3 build`, and
`scene.png`, the view from outside.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, SimulationConfig
from m3_ros.grasp.planning import Planner, Scene
from m3_ros.grasp.scan_path import follow_scan, scan_path
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.simulation import Simulation


def main() -> None:
    """Circle the table with the wrist camera and keep one frame a viewpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    grasp = M3Config().grasp
    simulation = Simulation(SimulationConfig(seed=options.seed))
    robot = SimulatedRobot(simulation)
    planner = Planner(simulation.robot_model, grasp)
    center, nothing = np.array(grasp.scan_center), Scene(np.zeros((0, 3)))
    path = scan_path(planner, center, nothing, robot.joint_state().arm, views=grasp.scan_views)
    writer = ScanWriter(options.output / "scan")
    for views in follow_scan(robot, planner, path):
        if views.visited > len(writer):
            writer.add(robot.capture_frame())
        print(f"{views.visited} of {len(path.positions)} views", end="\r", flush=True)
    writer.close()
    picture = cv2.cvtColor(simulation.picture(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(options.output / "scene.png"), picture)
    simulation.close()
    print(f"{len(writer)} viewpoints in {options.output / 'scan'}")


if __name__ == "__main__":
    main()
