"""The wrist camera: colour and true depth of a RealSense D405's view, rendered by MuJoCo.

MuJoCo's cameras look along -z with y up; the half turn to the optical frame (x right, y down, z
forward) is in the robot's MJCF file, so nothing outside this module knows of it. Sensor errors are
`m3_ros.sim.sensor_noise`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from m3_ros.config import SimulationConfig
from m3_ros.errors import UnavailableError
from m3_ros.geometry import matrix_to_quat, quat_to_matrix

if TYPE_CHECKING:
    from mujoco.egl import GLContext

WRIST = "wrist"  # the robot's camera
OBSERVER = "observer"  # the view from outside, for people
LENS_BLUR = 0.5
"""Standard deviation of the optics' point spread, px: edges are one pixel wide, as with sensors
whose lens is matched to their pixels; it also hides the steps of a picture without samples."""


def intrinsics(config: SimulationConfig) -> NDArray[np.float64]:
    """`K [3, 3]` of the wrist camera, pixel centres at + 0.5."""
    cx, cy = np.array([config.width, config.height]) / 2.0 + config.principal_offset
    f = config.focal_length
    return np.array([[f, 0.0, cx], [0.0, f, cy], [0.0, 0.0, 1.0]])


def set_camera(spec: mujoco.MjSpec, config: SimulationConfig) -> None:
    """Give the model's wrist camera its intrinsics and its (small) mounting error."""
    camera = spec.camera(WRIST)
    pixel = 6e-6  # size on the chip in m; any value gives the same picture
    camera.resolution = [config.width, config.height]
    camera.sensor_size = [config.width * pixel, config.height * pixel]
    camera.focal_pixel = [config.focal_length, config.focal_length]
    camera.principal_pixel = [-offset for offset in config.principal_offset]  # MuJoCo's sign
    shift, turn = config.mount_error
    rng = np.random.default_rng([config.seed, 3])
    mount = spec.body("camera_link")
    mount.pos = mount.pos + shift * _direction(rng)
    error = Rotation.from_rotvec(turn * _direction(rng)).as_matrix()
    mount.quat = matrix_to_quat(quat_to_matrix(mount.quat) @ error)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def _offscreen(width: int, height: int) -> GLContext:
    """OpenGL without a display: EGL, on a GPU or in Mesa's software."""
    try:
        from mujoco.egl import GLContext
    except (ImportError, AttributeError) as error:
        raise UnavailableError(
            "rendering needs EGL, which is not installed: apt install libegl1 libgl1-mesa-dri"
        ) from error
    return GLContext(width, height)


class Camera:
    """Renders views of one model, colour and depth in a single pass.

    The OpenGL context is made by the first `render` and belongs to its thread.

    Args:
        model: what to draw.
        width, height: size of the pictures in px.
        samples: per pixel, 0 for speed (the lens blur hides the steps), 4 for beauty.
        lens_blur: standard deviation of the optics' point spread in px.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        width: int,
        height: int,
        samples: int = 0,
        lens_blur: float = LENS_BLUR,
    ) -> None:
        self._model, self._samples, self._blur = model, samples, lens_blur
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._context: tuple[GLContext, mujoco.MjrContext, mujoco.MjvScene] | None = None

    def render(
        self, data: mujoco.MjData, camera: str | mujoco.MjvCamera = WRIST
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Draw a view.

        Args:
            data: state to draw, after `mj_kinematics` and `mj_camlight` at least.
            camera: name of a camera of the model, or a free one.

        Returns:
            Colour `[H, W, 3]` uint8 and true depth along z `[H, W]` float32 in m.
        """
        gl, mjr, scene = self._context = self._context or self._open()
        gl.make_current()
        if isinstance(camera, str):
            fixed = mujoco.MjvCamera()
            fixed.type = mujoco.mjtCamera.mjCAMERA_FIXED
            fixed.fixedcamid = self._model.camera(camera).id
            camera = fixed
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(
            self._model, data, mujoco.MjvOption(), None, camera, everything, scene
        )
        mujoco.mjr_render(self._rect, scene, mjr)
        rgb = np.empty((self._rect.height, self._rect.width, 3), np.uint8)
        buffer = np.empty((self._rect.height, self._rect.width), np.float32)
        mujoco.mjr_readPixels(rgb, buffer, self._rect, mjr)
        rgb = np.flipud(rgb)
        if self._blur > 0.0:
            rgb = cv2.GaussianBlur(rgb, (0, 0), self._blur)
        return np.ascontiguousarray(rgb), self._metric(np.flipud(buffer))

    def close(self) -> None:
        """Free the OpenGL context, from the thread that rendered."""
        if self._context is not None:
            gl, mjr, _ = self._context
            mjr.free()
            gl.free()
            self._context = None

    def _open(self) -> tuple[GLContext, mujoco.MjrContext, mujoco.MjvScene]:
        gl = _offscreen(self._rect.width, self._rect.height)
        gl.make_current()
        wanted = self._model.vis.quality.offsamples
        self._model.vis.quality.offsamples = self._samples
        mjr = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        self._model.vis.quality.offsamples = wanted
        mjr.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, mjr)
        return gl, mjr, mujoco.MjvScene(self._model, maxgeom=5000)

    def _metric(self, buffer: NDArray[np.float32]) -> NDArray[np.float32]:
        """Depth in m of a depth buffer that is 1 at the near plane and 0 at the far one."""
        extent, planes = self._model.stat.extent, self._model.vis.map
        near, far = np.float32(planes.znear * extent), np.float32(planes.zfar * extent)
        return near * far / (near + buffer * (far - near))
