"""A whole build and its queries on a device that refuses to mix with the CPU, as a GPU does.

Tensors of the test device are wrapped CPU tensors. Every operation goes through a dispatch mode,
which raises where a tensor of each device meets in one operation. The name "lazy" is one of
torch's own device types, which needs no driver and runs autograd in the calling thread.
"""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.memory.build import MemoryBuilder
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.spatial_memory import IMAGES, SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.splat import arguments, gsplat_backend
from m3_ros.splat.fitter import Fitter
from m3_ros.splat.rasterization import _on_cpu as draw_on_cpu

NAME = "lazy"
MOVES = ("_to_copy", "copy_")
ROOM = 5000
"""Bytes of feature maps on the test device: the first are there, the others in the file."""
INDEXING = ("index", "index_put_", "_index_put_impl_")  # torch accepts indices on the CPU
CONFIG = M3Config(
    splat=SplatConfig(voxel_size=0.012, max_iterations=4), memory=MemoryConfig(refine_steps=2)
)


class DeviceTensor(torch.Tensor):
    """A tensor that claims to be on the test device; `inner` holds its values."""

    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(
            *(cls, inner.shape), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=torch.device(NAME),
        )  # fmt: skip
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise AssertionError("an operation on the test device outside its mode")


class DeviceMode(TorchDispatchMode):
    """Run operations of the test device; `read` lists the sizes of tensors that left it."""

    def __init__(self):
        super().__init__()
        self.read = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not kwargs.get("device") and not any(issubclass(t, DeviceTensor) for t in types):
            return function(*args, **kwargs)
        name = function._overloadpacket.__name__
        tensors = [x for x in pytree.arg_tree_leaves(*args, **kwargs) if torch.is_tensor(x)]
        there = [x for x in tensors if isinstance(x, DeviceTensor)]
        here = [x for x in tensors if not isinstance(x, DeviceTensor) and x.ndim]
        if there and here and name not in (*MOVES, *INDEXING):
            raise RuntimeError(f"{name} got tensors of {NAME} and of the CPU")
        target = kwargs.get("device")
        stays = bool(there) if target is None else torch.device(target).type == NAME
        if there and not stays and name in MOVES:
            self.read.append(there[0].numel())
        if target is not None:
            kwargs = {**kwargs, "device": "cpu"}
        result = function(*pytree.tree_map(_inner, args), **pytree.tree_map(_inner, kwargs))
        if function._schema.is_mutable and function._schema.returns and name.endswith("_"):
            return args[0]
        return pytree.tree_map(_wrapped, result) if stays else result


def _inner(x):
    return x.inner if isinstance(x, DeviceTensor) else x


def _wrapped(x):
    return DeviceTensor(x) if isinstance(x, torch.Tensor) else x


@pytest.fixture
def device(monkeypatch):
    """Yield the mode while it is active; the CPU kernels draw in gsplat's place."""

    def draw(request):
        count = len(mode.read)
        values = {k: x.cpu() if torch.is_tensor(x) else x for k, x in vars(request).items()}
        renders, alphas, info = draw_on_cpu(type(request)(**values))
        del mode.read[count:]
        return renders.to(NAME), alphas.to(NAME), info

    monkeypatch.setattr(gsplat_backend, "rasterize", draw)
    monkeypatch.setattr(arguments, "DEVICES", ("cpu", NAME))
    for user in ("memory.build", "memory.spatial_memory"):
        monkeypatch.setattr(
            f"m3_ros.{user}.choose_device", lambda name: name.replace("auto", NAME)
        )
    monkeypatch.setattr("m3_ros.memory.feature_store.device_room", lambda device: ROOM)
    optimizer = sys.modules[torch.optim.Optimizer.__module__]
    fused = "_get_fused_kernels_supported_devices"
    monkeypatch.setattr(optimizer, fused, lambda: ["cpu", NAME])
    mode = DeviceMode()
    with mode:
        yield mode


def test_the_test_device_refuses_to_mix(device):
    x = torch.ones(3, device=NAME, requires_grad=True)
    assert x.device.type == NAME and (2 * x.cpu()).device.type == "cpu" and device.read == [3]
    (x * x.detach()).sum().backward()
    assert x.grad.device.type == NAME
    with pytest.raises(RuntimeError, match="mul got tensors of lazy and of the CPU"):
        x * torch.ones(3)


def test_a_memory_that_another_device_built_is_that_of_the_cpu(toy, device, tmp_path):
    config = replace(CONFIG, splat=replace(CONFIG.splat, densify="always"))
    config = replace(config, memory=replace(config.memory, max_components=64))
    frames = toy.frames[:3]
    builder = MemoryBuilder(config, [toy.model])
    built = builder.build(frames)
    assert built.device.type == NAME
    assert builder.scores().as_is.psnr_db > 15
    built.save(tmp_path / "memory")
    loaded = SpatialMemory.load(tmp_path / "memory")
    on_cpu = replace(config, features=replace(config.features, device="cpu"))
    expected = MemoryBuilder(on_cpu, [toy.model]).build(frames)
    assert loaded.psnr_db == pytest.approx(expected.psnr_db, abs=0.05)
    for name in ("blue", "red"):
        text = toy.model.encode_text([name])
        found, known = (m.similarity("color", text)[:, 0] for m in (loaded, expected))
        assert (found - known).abs().mean() < 0.01


def test_a_memory_of_the_cpu_is_queried_on_another_device(toy, toy_memory, device, tmp_path):
    toy_memory.save(tmp_path / "memory")
    there = Localizer(SpatialMemory.load(tmp_path / "memory", "auto"), toy.model)
    here = Localizer(toy_memory, toy.model)
    assert there.memory.device.type == NAME
    frame = toy.frames[0]
    for text in ("red box", "leftmost box", "the box left of the blue box"):
        found, known = (each.locate(text, frame) for each in (there, here))
        assert found.status is known.status and len(found.targets) == len(known.targets)
        for target, other in zip(found.targets, known.targets, strict=True):
            assert np.allclose(target.box.center, other.box.center, atol=1e-4)
        assert np.allclose(found.heatmap, known.heatmap, atol=1e-4)
    place = frame.camtoworld, frame.K, (40, 30)
    for what in IMAGES:
        assert np.allclose(
            there.memory.render(*place, what), toy_memory.render(*place, what), atol=1e-3
        )
    best = there.memory.query("red box", toy.model, 20).best
    assert torch.equal(best.cpu(), toy_memory.query("red box", toy.model, 20).best)
    pixel = "color", *place[:2], (10, 12)
    assert there.memory.trace(*pixel)[0].component == toy_memory.trace(*pixel)[0].component


def test_a_step_of_the_fit_reads_nothing_large_from_the_device(toy, device):
    fitter = Fitter(CONFIG.splat, NAME)
    fitter.add(toy.frames)
    device.read.clear()
    fitter.step()
    height, width, _ = toy.frames[0].rgb.shape
    gradient = 4 * height * width  # that of the CPU kernel which stands in for gsplat's
    assert device.read in ([gradient], [gradient // 4, gradient], [gradient, gradient // 4])


def test_gaussians_turn_on_their_device(toy, device):
    turn = np.diag([-2.0, -2.0, 2.0, 1.0])
    coefficients = torch.linspace(-1, 1, 9 * len(toy.gaussians)).reshape(-1, 3, 3)
    gaussians = replace(toy.gaussians, shN=coefficients)
    turned = gaussians.to(NAME).transformed(turn)
    expected = gaussians.transformed(turn)
    for name, x in turned.tensors.items():
        assert torch.allclose(x.cpu(), expected.tensors[name], atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to build on")
def test_a_memory_built_on_a_gpu_is_that_of_the_cpu(toy):
    on_gpu, on_cpu = (
        MemoryBuilder(
            replace(CONFIG, features=replace(CONFIG.features, device=name)), [toy.model]
        ).build(toy.frames)
        for name in ("cuda", "cpu")
    )
    assert on_gpu.device.type == "cuda"
    localizers = [Localizer(memory, toy.model) for memory in (on_gpu, on_cpu, on_gpu.to("cpu"))]
    found = [each.locate("red box", toy.frames[0]) for each in localizers]
    assert len({result.status for result in found}) == 1
    for result in found[1:]:
        assert np.allclose(result.targets[0].box.center, found[0].targets[0].box.center, atol=5e-3)
    assert on_gpu.psnr_db == pytest.approx(on_cpu.psnr_db, abs=0.05)
    text = toy.model.encode_text(["blue"])
    found, known = (m.similarity("color", text)[:, 0].cpu() for m in (on_gpu, on_cpu))
    assert (found - known).abs().mean() < 0.01


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to keep maps on")
def test_maps_that_a_gpu_keeps_stay_within_their_room():
    maps, valid = np.ones((20, 30, 40, 256), np.float32), np.ones((30, 40), bool)
    before, room = torch.cuda.memory_allocated(), 3 * 2 * maps[0].size
    store = FeatureStore("cuda", room)
    for features in maps:
        store.append(features, valid)
    assert torch.cuda.memory_allocated() - before < 1.1 * room
    assert all(bool((store.read(i, "cuda") == 1).all()) for i in range(20))
