// CPU rasterizer of 3D Gaussians: the C interface that m3_ros/splat/native.py calls through ctypes.
//
// Formulas and thresholds are gsplat's (3D Gaussian Splatting, Kerbl et al. 2023; EWA projection,
// Zwicky et al. 2001), so that both backends render the same image. All arrays are dense,
// row-major, float32 or int32; the caller owns every one of them. Nothing here keeps a state,
// throws, or changes the floating-point mode. `threads` is the number of OpenMP threads to use.
#pragma once
#include <cstdint>

#define M3_API extern "C" __attribute__((visibility("default")))

constexpr int kTileSize = 16;  // pixels

struct Camera {
  float viewmat[16];  // world to camera
  float K[9];         // fx, cx, fy, cy are used; pixels
  int32_t width, height;
  float near_plane, far_plane;  // m
  float eps2d;                  // px^2 added to the diagonal of every projected covariance
};

// 1 = baseline, 3 = x86-64-v3 (AVX2), 4 = x86-64-v4 (AVX-512): the best this processor runs.
M3_API int32_t m3_isa_level();

// A projected Gaussian: the input of the rasterizer.
struct Row {
  float x, y;     // mean, px
  float p, r, q;  // the conic: sigma = p (dx + r dy)^2 + q dy^2, without cancellation for needles
  float cut;      // largest sigma that is drawn, ln(255 opacity), with slack for rounding
  float opacity, depth;
};

// Its gradient.
struct RowGradient {
  float mean2d[2], conic[3], opacity, depth;
  int32_t lock;  // spin lock: 1 while a thread adds to the row, else 0
};

// Index of the first NaN or infinity in x [n], or -1.
M3_API int64_t m3_first_nonfinite(const float* x, int64_t n, int32_t threads);

// Projects n Gaussians (scales and opacities activated). A culled one gets radii 0.
//   radii [n, 2] px, means2d [n, 2] px, depths [n] m, conics [n, 3] (xx, xy, yy of the inverse
//   covariance), rows [n].
M3_API void m3_project(int64_t n, const float* means, const float* quats, const float* scales,
                       const float* opacities, const Camera* camera, int32_t* radii,
                       float* means2d, float* depths, float* conics, Row* rows,
                       int32_t threads);

// Adds the gradients to v_means [n, 3], v_quats [n, 4], v_scales [n, 3], v_viewmat [16], v_K [9].
M3_API void m3_project_backward(int64_t n, const float* means, const float* quats,
                                const float* scales, const Camera* camera, const int32_t* radii,
                                const float* conics, const float* v_means2d,
                                const float* v_depths, const float* v_conics, float* v_means,
                                float* v_quats, float* v_scales, float* v_viewmat, float* v_K,
                                int32_t threads);

// The Gaussians of one view, from m3_project, with their channels.
struct Splats {
  int64_t n;
  const int32_t* radii;  // [n, 2]
  const Row* rows;       // [n]
  const float* colors;   // [n, channels]
  int32_t channels;
  int32_t with_depth;  // 1: the depth is rendered as one more, last channel
  int32_t width, height;
};

// Sorts by depth and counts the Gaussians that touch each tile.
//   order [n]; counts [threads, tiles]; offsets [tiles + 1]. Returns offsets[tiles].
M3_API int64_t m3_count_tiles(const Splats* splats, int32_t* order, int32_t* counts,
                              int64_t* offsets, int32_t threads);

// Fills ids [offsets[tiles]]: the Gaussians of each tile, near to far. Arguments as m3_count_tiles
// left them.
M3_API void m3_fill_tiles(const Splats* splats, const int32_t* order, int32_t* counts,
                          const int64_t* offsets, int32_t* ids, int32_t threads);

// background [channels + with_depth] or null. Writes render [H, W, channels + with_depth],
// transmittance [H, W] (1 - alpha) and last [H, W]: the index, in the list of its tile, of the last
// Gaussian drawn at a pixel, or -1.
M3_API void m3_rasterize(const Splats* splats, const int64_t* offsets, const int32_t* ids,
                         const float* background, float* render, float* transmittance,
                         int32_t* last, int32_t threads);

// Adds the gradients to v_colors [n, channels] and v_rows [n], which must be zero.
// v_transmittance [H, W] is the total gradient by the transmittance (through alpha and background).
// The order of additions, and so the rounding, depends on the threads.
M3_API void m3_rasterize_backward(const Splats* splats, const int64_t* offsets,
                                  const int32_t* ids, const float* transmittance,
                                  const int32_t* last, const float* v_render,
                                  const float* v_transmittance, float* v_colors,
                                  RowGradient* v_rows, int32_t threads);

// Colours [n, 3] = max(0, 0.5 + sum of basis x coefficients) of Gaussians seen from `position`
// (world frame); coefficients [n, bands_stored, 3], of which degree 0..3 uses (degree + 1)^2.
M3_API void m3_sh_colors(int64_t n, int64_t degree, int64_t bands_stored, const float* means,
                         const float* position, const float* coefficients, float* colors,
                         int32_t threads);

// Adds the gradients to v_means [n, 3], v_position [3], v_coefficients [n, bands_stored, 3].
M3_API void m3_sh_colors_backward(int64_t n, int64_t degree, int64_t bands_stored,
                                  const float* means, const float* position,
                                  const float* coefficients, const float* colors,
                                  const float* v_colors, float* v_means, float* v_position,
                                  float* v_coefficients, int32_t threads);

// Returns (1 - w) L1 + w (1 - SSIM) of images [height, width, channels] in 0..1, w =
// ssim_weight, and writes its gradient by `image`.
M3_API double m3_photometric_loss(const float* image, const float* target, int64_t height,
                                  int64_t width, int64_t channels, float ssim_weight,
                                  float* gradient, int32_t threads);

// One step of Adam (Kingma and Ba 2015) on x [n]; rate is the learning rate with the correction of
// both moments' bias in it.
M3_API void m3_adam(int64_t n, float* x, const float* gradient, float* first, float* second,
                    float rate, float beta1, float beta2, float epsilon, int32_t threads);
