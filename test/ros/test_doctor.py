"""`m3 doctor` sees who publishes the inputs of the nodes."""

from m3_ros.cli import doctor
from m3_ros.config import M3Config


def test_inputs_are_seen_with_their_publisher_and_the_rest_with_a_remedy(start, eventually):
    start("fake_camera.py", "--rectified-name")
    camera = "/camera/camera/color/image_raw"  # also goes by image_rect_raw

    found = {}

    def camera_is_seen():
        found.update({check.subject: str(check) for check in doctor.ros(M3Config())})
        return "published by fake_camera" in found[camera]

    eventually(camera_is_seen, "the camera to be seen")
    assert all(found[topic].startswith("ok") for topic in (camera, "/tf", "/tf_static"))
    assert found["/joint_states"].startswith("note") and "m3 up simul" in found["/joint_states"]
    assert "rmw_fastrtps_cpp" in found["middleware"] and found["ROS 2"].startswith("ok")
