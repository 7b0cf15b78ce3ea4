"""gsplat's own strategy over our rasterization, optimizer and fit."""

from dataclasses import replace

from gsplat import strategy

from m3_ros.config import SplatConfig
from m3_ros.splat import Fitter


def test_default_strategy_grows_and_prunes(table_frames):
    config = SplatConfig(voxel_size=0.012, max_iterations=60, refine_poses=False)
    fitter = Fitter(config)
    fitter.add(table_frames)
    fitter.strategy = strategy.DefaultStrategy(
        refine_start_iter=10, refine_every=20, grow_grad2d=1e-5, prune_opa=0.05
    )
    fitter.strategy_state = fitter.strategy.initialize_state(scene_scale=0.5)
    before = len(fitter.gaussians)
    fitter.run()
    assert len(fitter.gaussians) != before
    assert fitter.result().psnr_db > 20


def test_densification_by_setting_stays_within_the_bound(table_frames):
    config = SplatConfig(voxel_size=0.02, max_iterations=30, refine_poses=False, densify="always")
    config = replace(config, max_gaussians=3000)
    fitter = Fitter(config)
    fitter.add(table_frames)
    fitter.run()
    assert len(fitter.gaussians) <= config.max_gaussians
