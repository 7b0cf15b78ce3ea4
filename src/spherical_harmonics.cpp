// View-dependent colour: real spherical harmonics up to degree 3 and their gradient, W Gaussians
// at a time. Order, signs and constants are those of m3_ros/splat/spherical_harmonics.py.
#include "rasterizer.h"
#include "simd.h"

namespace {

constexpr int kMaxBands = 16;

// Basis values at unit directions, and with `gradient` their derivatives by x, y, z.
void evaluate(int64_t degree, vfloat x, vfloat y, vfloat z, vfloat* basis,
              vfloat (*gradient)[3]) {
  const vfloat zero{}, one = zero + 1.f;
  const auto set = [&](int k, float c, vfloat value, vfloat dx, vfloat dy, vfloat dz) {
    basis[k] = c * value;
    if (!gradient) return;
    gradient[k][0] = c * dx;
    gradient[k][1] = c * dy;
    gradient[k][2] = c * dz;
  };
  set(0, 0.28209479177387814f, one, zero, zero, zero);
  if (degree < 1) return;
  const float a1 = 0.4886025119029199f;
  set(1, -a1, y, zero, one, zero);
  set(2, a1, z, zero, zero, one);
  set(3, -a1, x, one, zero, zero);
  if (degree < 2) return;
  const float a2 = 1.0925484305920792f;
  set(4, a2, x * y, y, x, zero);
  set(5, -a2, y * z, zero, z, y);
  set(6, 0.31539156525252005f, 3.f * z * z - 1.f, zero, zero, 6.f * z);
  set(7, -a2, x * z, z, zero, x);
  set(8, a2 / 2, x * x - y * y, 2.f * x, -2.f * y, zero);
  if (degree < 3) return;
  const vfloat xx = x * x, yy = y * y, zz = z * z, xy = x * y;
  const float a3 = 0.5900435899266435f, b3 = 0.4570457994644658f, c3 = 1.445305721320277f;
  set(9, -a3, y * (3.f * xx - yy), 6.f * xy, 3.f * (xx - yy), zero);
  set(10, 2 * c3, xy * z, y * z, x * z, xy);
  set(11, b3, y * (1.f - 5.f * zz), zero, 1.f - 5.f * zz, -10.f * y * z);
  set(12, 0.3731763325901154f, z * (5.f * zz - 3.f), zero, zero, 15.f * zz - 3.f);
  set(13, b3, x * (1.f - 5.f * zz), 1.f - 5.f * zz, zero, -10.f * x * z);
  set(14, c3, z * (xx - yy), 2.f * x * z, -2.f * y * z, xx - yy);
  set(15, -a3, x * (xx - 3.f * yy), 3.f * (xx - yy), -6.f * xy, zero);
}

struct Direction {
  vfloat d[3], inverse_length;
};

Direction direction(const float* means, const float* position, int64_t i, int64_t n) {
  Direction out;
  load_rows(means, i, n, out.d);
  for (int k = 0; k < 3; ++k) out.d[k] -= position[k];
  const vfloat square = out.d[0] * out.d[0] + out.d[1] * out.d[1] + out.d[2] * out.d[2];
  out.inverse_length = 1.f / sqrt(max(square, broadcast(1e-24f)));
  for (vfloat& d : out.d) d *= out.inverse_length;
  return out;
}

}  // namespace

void m3_sh_colors(int64_t n, int64_t degree, int64_t bands_stored, const float* means,
                  const float* position, const float* coefficients, float* colors,
                  int32_t threads) {
  const int bands = (int)((degree + 1) * (degree + 1));
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t i = 0; i < n; i += W) {
    const Direction to = direction(means, position, i, n);
    vfloat basis[kMaxBands];
    evaluate(degree, to.d[0], to.d[1], to.d[2], basis, nullptr);
    for (int l = 0; l < W && i + l < n; ++l) {
      const float* sh = coefficients + (i + l) * bands_stored * 3;
      float color[3] = {0.5f, 0.5f, 0.5f};
      for (int k = 0; k < bands; ++k)
        for (int c = 0; c < 3; ++c) color[c] += basis[k][l] * sh[3 * k + c];
      for (int c = 0; c < 3; ++c) colors[(i + l) * 3 + c] = color[c] > 0 ? color[c] : 0;
    }
  }
}

void m3_sh_colors_backward(int64_t n, int64_t degree, int64_t bands_stored, const float* means,
                           const float* position, const float* coefficients, const float* colors,
                           const float* v_colors, float* v_means, float* v_position,
                           float* v_coefficients, int32_t threads) {
  const int bands = (int)((degree + 1) * (degree + 1));
  double total[3] = {};
#pragma omp parallel for schedule(static) num_threads(threads) reduction(+ : total[:3])
  for (int64_t i = 0; i < n; i += W) {
    const Direction to = direction(means, position, i, n);
    vfloat basis[kMaxBands], gradient[kMaxBands][3], v_basis[kMaxBands] = {};
    evaluate(degree, to.d[0], to.d[1], to.d[2], basis, gradient);
    for (int l = 0; l < W && i + l < n; ++l) {
      float v_color[3];
      for (int c = 0; c < 3; ++c)  // no gradient where the colour was clamped at zero
        v_color[c] = colors[(i + l) * 3 + c] > 0 ? v_colors[(i + l) * 3 + c] : 0;
      const float* sh = coefficients + (i + l) * bands_stored * 3;
      float* v_sh = v_coefficients + (i + l) * bands_stored * 3;
      for (int k = 0; k < bands; ++k)
        for (int c = 0; c < 3; ++c) {
          v_sh[3 * k + c] += basis[k][l] * v_color[c];
          v_basis[k][l] += sh[3 * k + c] * v_color[c];
        }
    }
    vfloat v_d[3] = {}, v_mean[3];
    for (int k = 1; k < bands; ++k)
      for (int c = 0; c < 3; ++c) v_d[c] += v_basis[k] * gradient[k][c];
    const vfloat along = v_d[0] * to.d[0] + v_d[1] * to.d[1] + v_d[2] * to.d[2];
    for (int c = 0; c < 3; ++c) {
      v_mean[c] = (v_d[c] - along * to.d[c]) * to.inverse_length;
      for (int l = 0; l < W && i + l < n; ++l) total[c] -= v_mean[c][l];
    }
    add_rows(v_means, i, n, v_mean);
  }
  for (int c = 0; c < 3; ++c) v_position[c] += (float)total[c];
}
