// World to image: EWA projection of the Gaussians and its gradient, W Gaussians at a time.
#include <cmath>

#include "rasterizer.h"
#include "simd.h"

namespace {

// A block of W Gaussians in the camera frame, with the intermediate values of the gradient.
struct Block {
  vfloat mean[3], quat[4], inv_norm, scale[3];
  vfloat R[3][3];     // rotation of the Gaussian, from its normalised quaternion
  vfloat t[3], rz;    // mean in the camera frame, 1 / z
  vint valid;         // between the near and far plane
  vfloat A[3][3];     // camera rotation * R
  vfloat tx, ty;      // mean, clamped to 1.3 times the field of view as in gsplat
  vint x_free, y_free;  // not clamped
  vfloat jx, jxz, jy, jyz;  // Jacobian of the projection
  vfloat u0[3], u1[3];      // rows of J * A; times the scales, a root of the 2D covariance
  vfloat minor[3];          // u0[k+1] u1[k+2] - u0[k+2] u1[k+1]
  vfloat aa, ab, cc, det;   // 2D covariance without eps2d, determinant with it
};

void rotation(Block& b) {
  vfloat (&q)[4] = b.quat;
  b.inv_norm = 1.f / sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  for (vfloat& x : q) x *= b.inv_norm;
  const vfloat w = q[0], x = q[1], y = q[2], z = q[3];
  b.R[0][0] = 1.f - 2.f * (y * y + z * z);
  b.R[0][1] = 2.f * (x * y - w * z);
  b.R[0][2] = 2.f * (x * z + w * y);
  b.R[1][0] = 2.f * (x * y + w * z);
  b.R[1][1] = 1.f - 2.f * (x * x + z * z);
  b.R[1][2] = 2.f * (y * z - w * x);
  b.R[2][0] = 2.f * (x * z - w * y);
  b.R[2][1] = 2.f * (y * z + w * x);
  b.R[2][2] = 1.f - 2.f * (x * x + y * y);
}

void to_camera(Block& b, const Camera& camera, int64_t i, int64_t n, const float* means,
               const float* quats, const float* scales) {
  load_rows(means, i, n, b.mean);
  load_rows(quats, i, n, b.quat);
  load_rows(scales, i, n, b.scale);
  rotation(b);
  const float* V = camera.viewmat;
  for (int r = 0; r < 3; ++r) {
    b.t[r] = V[4 * r] * b.mean[0] + V[4 * r + 1] * b.mean[1] + V[4 * r + 2] * b.mean[2] +
             V[4 * r + 3];
    for (int c = 0; c < 3; ++c)
      b.A[r][c] = V[4 * r] * b.R[0][c] + V[4 * r + 1] * b.R[1][c] + V[4 * r + 2] * b.R[2][c];
  }
  b.valid = (b.t[2] >= camera.near_plane) & (b.t[2] <= camera.far_plane);
  b.t[2] = b.valid ? b.t[2] : broadcast(1.f);  // keeps discarded lanes finite
}

void project(Block& b, const Camera& camera) {
  const float fx = camera.K[0], cx = camera.K[2], fy = camera.K[4], cy = camera.K[5];
  const float margin_x = 0.15f * camera.width / fx, margin_y = 0.15f * camera.height / fy;
  b.rz = 1.f / b.t[2];
  const vfloat x = b.t[0] * b.rz, y = b.t[1] * b.rz;
  const vfloat low_x = broadcast(-cx / fx - margin_x), low_y = broadcast(-cy / fy - margin_y);
  const vfloat high_x = broadcast((camera.width - cx) / fx + margin_x);
  const vfloat high_y = broadcast((camera.height - cy) / fy + margin_y);
  b.x_free = (x >= low_x) & (x <= high_x);
  b.y_free = (y >= low_y) & (y <= high_y);
  b.tx = b.t[2] * clamp(x, low_x, high_x);
  b.ty = b.t[2] * clamp(y, low_y, high_y);
  b.jx = fx * b.rz;
  b.jy = fy * b.rz;
  b.jxz = -b.jx * b.tx * b.rz;
  b.jyz = -b.jy * b.ty * b.rz;
  b.aa = b.ab = b.cc = vfloat{};
  for (int c = 0; c < 3; ++c) {
    b.u0[c] = b.jx * b.A[0][c] + b.jxz * b.A[2][c];
    b.u1[c] = b.jy * b.A[1][c] + b.jyz * b.A[2][c];
    const vfloat square = b.scale[c] * b.scale[c];
    b.aa += b.u0[c] * b.u0[c] * square;
    b.ab += b.u0[c] * b.u1[c] * square;
    b.cc += b.u1[c] * b.u1[c] * square;
  }
  // Cauchy-Binet: the determinant as a sum of squares. aa * cc - ab * ab would cancel.
  b.det = camera.eps2d * (b.aa + b.cc) + camera.eps2d * camera.eps2d;
  for (int k = 0; k < 3; ++k) {
    const int i = (k + 1) % 3, j = (k + 2) % 3;
    b.minor[k] = b.u0[i] * b.u1[j] - b.u0[j] * b.u1[i];
    const vfloat scaled = b.minor[k] * b.scale[i] * b.scale[j];
    b.det += scaled * scaled;
  }
}

// d loss / d (J A diag(scale)) becomes that of A diag(scale), of the scales and of the Jacobian.
void backward_covariance(const Block& b, float eps2d, const vfloat (&conic)[3],
                         const vfloat (&v_conic)[3], vfloat (&v_M)[3][3], vfloat (&v_scale)[3],
                         vfloat (&v_J)[4]) {
  const vfloat v00 = v_conic[0], v01 = 0.5f * v_conic[1], v11 = v_conic[2];
  for (vfloat& v : v_J) v = vfloat{};
  for (int c = 0; c < 3; ++c) {
    const int i = (c + 1) % 3, j = (c + 2) % 3;
    // n = conic * column c of J A, by minors: the conic's own product would cancel for needles.
    const vfloat at_i = b.minor[j] * b.scale[i] * b.scale[i];
    const vfloat at_j = b.minor[i] * b.scale[j] * b.scale[j];
    const vfloat n0 = (eps2d * b.u0[c] + b.u1[i] * at_i - b.u1[j] * at_j) / b.det;
    const vfloat n1 = (eps2d * b.u1[c] - b.u0[i] * at_i + b.u0[j] * at_j) / b.det;
    const vfloat y0 = v00 * n0 + v01 * n1, y1 = v01 * n0 + v11 * n1;
    v_scale[c] = -2.f * b.scale[c] * (n0 * y0 + n1 * y1);
    const vfloat v_m0 = -2.f * b.scale[c] * (conic[0] * y0 + conic[1] * y1);
    const vfloat v_m1 = -2.f * b.scale[c] * (conic[1] * y0 + conic[2] * y1);
    v_M[0][c] = b.jx * v_m0;
    v_M[1][c] = b.jy * v_m1;
    v_M[2][c] = b.jxz * v_m0 + b.jyz * v_m1;
    v_J[0] += v_m0 * b.A[0][c] * b.scale[c];
    v_J[1] += v_m0 * b.A[2][c] * b.scale[c];
    v_J[2] += v_m1 * b.A[1][c] * b.scale[c];
    v_J[3] += v_m1 * b.A[2][c] * b.scale[c];
  }
}

// Adds the gradients of the mean in the camera frame and of fx, cx, fy, cy.
void backward_camera(const Block& b, const Camera& camera, const vfloat (&v_J)[4],
                     const vfloat (&v_mean2d)[2], vfloat v_depth, vfloat (&v_t)[3],
                     vfloat (&v_K)[4]) {
  const float fx = camera.K[0], fy = camera.K[4];
  const vfloat rz = b.rz, rz2 = rz * rz, zero{};
  const vfloat x = b.t[0] * rz, y = b.t[1] * rz;
  v_t[0] = b.jx * v_mean2d[0] + (b.x_free ? -b.jx * rz * v_J[1] : zero);
  v_t[1] = b.jy * v_mean2d[1] + (b.y_free ? -b.jy * rz * v_J[3] : zero);
  v_t[2] = v_depth - b.jx * x * v_mean2d[0] - b.jy * y * v_mean2d[1] -
           (fx * v_J[0] + fy * v_J[2]) * rz2;
  v_t[2] -= (b.x_free ? broadcast(2.f) : broadcast(1.f)) * b.jxz * rz * v_J[1];
  v_t[2] -= (b.y_free ? broadcast(2.f) : broadcast(1.f)) * b.jyz * rz * v_J[3];
  v_K[0] += x * v_mean2d[0] + rz * v_J[0] - (b.x_free ? b.tx * rz2 * v_J[1] : zero);
  v_K[1] += v_mean2d[0] + (b.x_free ? zero : rz * v_J[1]);
  v_K[2] += y * v_mean2d[1] + rz * v_J[2] - (b.y_free ? b.ty * rz2 * v_J[3] : zero);
  v_K[3] += v_mean2d[1] + (b.y_free ? zero : rz * v_J[3]);
}

// d loss / d (unnormalised quaternion) from d loss / d rotation matrix.
void backward_rotation(const Block& b, const vfloat (&v_R)[3][3], vfloat (&v_quat)[4]) {
  const vfloat w = b.quat[0], x = b.quat[1], y = b.quat[2], z = b.quat[3];
  const vfloat s01 = v_R[0][1] + v_R[1][0], s02 = v_R[0][2] + v_R[2][0];
  const vfloat s12 = v_R[1][2] + v_R[2][1], d21 = v_R[2][1] - v_R[1][2];
  const vfloat d02 = v_R[0][2] - v_R[2][0], d10 = v_R[1][0] - v_R[0][1];
  v_quat[0] = 2.f * (x * d21 + y * d02 + z * d10);
  v_quat[1] = 2.f * (-2.f * x * (v_R[1][1] + v_R[2][2]) + y * s01 + z * s02 + w * d21);
  v_quat[2] = 2.f * (x * s01 - 2.f * y * (v_R[0][0] + v_R[2][2]) + z * s12 + w * d02);
  v_quat[3] = 2.f * (x * s02 + y * s12 - 2.f * z * (v_R[0][0] + v_R[1][1]) + w * d10);
  vfloat along{};
  for (int k = 0; k < 4; ++k) along += v_quat[k] * b.quat[k];
  for (int k = 0; k < 4; ++k) v_quat[k] = (v_quat[k] - along * b.quat[k]) * b.inv_norm;
}

}  // namespace

void m3_project(int64_t n, const float* means, const float* quats, const float* scales,
                const float* opacities, const Camera* camera, int32_t* radii, float* means2d,
                float* depths, float* conics, Row* rows, int32_t threads) {
  const float fx = camera->K[0], cx = camera->K[2], fy = camera->K[4], cy = camera->K[5];
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t i = 0; i < n; i += W) {
    Block b;
    to_camera(b, *camera, i, n, means, quats, scales);
    project(b, *camera);
    const vfloat a = b.aa + camera->eps2d, c = b.cc + camera->eps2d;
    const vfloat conic[3] = {c / b.det, -b.ab / b.det, a / b.det};
    const vfloat mean2d[2] = {fx * b.t[0] * b.rz + cx, fy * b.t[1] * b.rz + cy};
    const vfloat r = -b.ab / c, q = 0.5f / c;
    store_rows(means2d, i, n, mean2d);
    store_rows(conics, i, n, conic);
    for (int l = 0; l < W && i + l < n; ++l) {
      depths[i + l] = b.t[2][l];
      const float cut = std::log(255.f * opacities[i + l]);
      rows[i + l] = {mean2d[0][l], mean2d[1][l],           0.5f * conic[0][l], r[l],
                     q[l],         cut * 1.0001f + 1e-4f, opacities[i + l],   b.t[2][l]};
      const float extend = std::fmin(3.33f, std::sqrt(2.f * std::fmax(cut, 0.f)));
      const float rx = std::ceil(extend * std::sqrt(a[l]));
      const float ry = std::ceil(extend * std::sqrt(c[l]));
      const float u = mean2d[0][l], v = mean2d[1][l];
      const bool drawn = b.valid[l] && cut >= 0.f && std::isfinite(b.det[l]) && u + rx > 0 &&
                         u - rx < camera->width && v + ry > 0 && v - ry < camera->height;
      radii[2 * (i + l)] = drawn ? (int32_t)std::fmin(rx, 1e9f) : 0;
      radii[2 * (i + l) + 1] = drawn ? (int32_t)std::fmin(ry, 1e9f) : 0;
    }
  }
}

void m3_project_backward(int64_t n, const float* means, const float* quats, const float* scales,
                         const Camera* camera, const int32_t* radii, const float* conics,
                         const float* v_means2d, const float* v_depths, const float* v_conics,
                         float* v_means, float* v_quats, float* v_scales, float* v_viewmat,
                         float* v_K, int32_t threads) {
  const float* V = camera->viewmat;
  double total[16] = {};  // viewmat rows 0-2, then fx, cx, fy, cy
#pragma omp parallel for schedule(static) num_threads(threads) reduction(+ : total[:16])
  for (int64_t i = 0; i < n; i += W) {
    Block b;
    to_camera(b, *camera, i, n, means, quats, scales);
    vint drawn;
    for (int l = 0; l < W; ++l)
      drawn[l] = i + l < n && radii[2 * (i + l)] > 0 ? -1 : 0;
    if (!any(drawn)) continue;
    project(b, *camera);
    vfloat conic[3], v_conic[3], v_mean2d[2], v_depth[1];
    load_rows(conics, i, n, conic);
    load_rows(v_conics, i, n, v_conic);
    load_rows(v_means2d, i, n, v_mean2d);
    load_rows(v_depths, i, n, v_depth);
    const vfloat zero{};
    for (vfloat& v : conic) v = drawn ? v : zero;
    for (vfloat& v : v_conic) v = drawn ? v : zero;
    for (vfloat& v : v_mean2d) v = drawn ? v : zero;
    v_depth[0] = drawn ? v_depth[0] : zero;

    vfloat v_M[3][3], v_scale[3], v_J[4], v_t[3], v_intrinsics[4] = {};
    backward_covariance(b, camera->eps2d, conic, v_conic, v_M, v_scale, v_J);
    backward_camera(b, *camera, v_J, v_mean2d, v_depth[0], v_t, v_intrinsics);
    vfloat v_R[3][3], v_mean[3], v_quat[4];
    for (int c = 0; c < 3; ++c) {
      v_mean[c] = V[c] * v_t[0] + V[4 + c] * v_t[1] + V[8 + c] * v_t[2];
      for (int r = 0; r < 3; ++r) {
        const vfloat v = V[r] * v_M[0][c] + V[4 + r] * v_M[1][c] + V[8 + r] * v_M[2][c];
        v_R[r][c] = v * b.scale[c];
      }
    }
    backward_rotation(b, v_R, v_quat);
    add_rows(v_means, i, n, v_mean);
    add_rows(v_quats, i, n, v_quat);
    add_rows(v_scales, i, n, v_scale);
    for (int r = 0; r < 3; ++r) {
      for (int c = 0; c < 3; ++c) {
        vfloat v = v_t[r] * b.mean[c];
        for (int k = 0; k < 3; ++k) v += v_M[r][k] * b.R[c][k] * b.scale[k];
        total[4 * r + c] += sum(v);
      }
      total[4 * r + 3] += sum(v_t[r]);
    }
    for (int k = 0; k < 4; ++k) total[12 + k] += sum(v_intrinsics[k]);
  }
  for (int k = 0; k < 12; ++k) v_viewmat[k] += (float)total[k];
  const int index[4] = {0, 2, 4, 5};  // of fx, cx, fy, cy
  for (int k = 0; k < 4; ++k) v_K[index[k]] += (float)total[12 + k];
}
