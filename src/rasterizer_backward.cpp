// Gradient of the compositing, far to near: transmittance is recovered by division, and what lies
// behind a Gaussian is one scalar a pixel (the dot product of its colour with the pixel's
// gradient), whatever the number of channels.
#include <atomic>
#include <vector>

#include "rasterizer_common.h"

namespace {

constexpr int kMoments = 8;  // sums of v_sigma times 1, x, y, x^2, xy, y^2, and two unused

struct Scratch {  // of one thread
  Segment segment;
  int hits[kSegment + W];
  alignas(64) float weight[kSegment][kPixels];
  alignas(64) float v_sigma[kSegment][kPixels];  // first holds colour . v_pixel
  alignas(64) float moments[kStrips][kPixels][kMoments];
  std::vector<float> v_pixels;       // [strip][channel][pixel]
  std::vector<float> v_pixels_rows;  // [strip][pixel][stride], transposed
  std::vector<float> grads;          // [Gaussian][stride + kMoments]

  Scratch() {
    for (int s = 0; s < kStrips; ++s)
      for (int p = 0; p < kPixels; ++p) {  // coordinates from the tile's centre
        const float x = s % kStrip * kStrip + p % kStrip + 0.5f - kTileSize / 2;
        const float y = s / kStrip * kStrip + p / kStrip + 0.5f - kTileSize / 2;
        const float row[kMoments] = {1, x, y, x * x, x * y, y * y, 0, 0};
        std::copy_n(row, kMoments, moments[s][p]);
      }
  }
};

struct alignas(64) Strip {
  float transmittance[kPixels];
  float behind[kPixels];  // gradient that flows through the transmittance after this Gaussian
  int32_t last[kPixels];
  int max_last;
};

// out[b] = colour of hit b . gradient of the pixel, for B hits.
template <int B>
void dot_colors(const Segment& g, const int* hits, int channels, bool with_depth,
                const float* v_pixels, float (*out)[kPixels]) {
  vfloat sum[B][V] = {};
  for (int c = 0; c < channels; ++c)
    for (int v = 0; v < V; ++v) {
      const vfloat gradient = load(v_pixels + c * kPixels + v * W);
      for (int b = 0; b < B; ++b) sum[b][v] += g.color[hits[b]][c] * gradient;
    }
  for (int b = 0; b < B; ++b)
    for (int v = 0; v < V; ++v) {
      if (with_depth)
        sum[b][v] += g.depth[hits[b]] * load(v_pixels + channels * kPixels + v * W);
      store(out[b] + v * W, sum[b][v]);
    }
}

// From v_sigma = colour . v_pixel to the gradient of sigma, and the blending weights.
void unblend(const Segment& g, const int* hits, int n, int first, const Grid& grid, Strip& strip,
             float (*weight)[kPixels], float (*v_sigma)[kPixels]) {
  vfloat T[V], behind[V];
  vint last[V];
  std::memcpy(T, strip.transmittance, sizeof T);
  std::memcpy(behind, strip.behind, sizeof behind);
  std::memcpy(last, strip.last, sizeof last);
  for (int h = n - 1; h >= 0; --h) {
    const int k = hits[h];
    for (int v = 0; v < V; ++v) {
      const vfloat raw = alpha_at(g, k, grid.x[v], grid.y[v]);
      const vfloat alpha = min(raw, broadcast(kMaxAlpha));
      const vint drawn = (raw >= kAlphaThreshold) & (last[v] >= first + k);
      const vfloat inverse = 1.f / (1.f - alpha);
      const vfloat before = T[v] * inverse, dot = load(v_sigma[h] + v * W);
      const vfloat w = drawn ? alpha * before : vfloat{};
      const vfloat v_alpha = before * dot - behind[v] * inverse;
      const vint free = drawn & (raw <= kMaxAlpha);
      store(weight[h] + v * W, w);
      store(v_sigma[h] + v * W, free ? -alpha * v_alpha : vfloat{});
      T[v] = drawn ? before : T[v];
      behind[v] += w * dot;
    }
  }
  std::memcpy(strip.transmittance, T, sizeof T);
  std::memcpy(strip.behind, behind, sizeof behind);
}

// grads[hit][0..L) += factors[hit] (one a pixel) x rows [pixel][0..L).
template <int L>
void add_products(const int* hits, int n, const float (*factors)[kPixels], const float* rows,
                  int row_stride, float* grads, int stride) {
  typedef float Vector __attribute__((vector_size(4 * L)));
  Vector row[kPixels];
  for (int p = 0; p < kPixels; ++p) std::memcpy(&row[p], rows + p * row_stride, sizeof(Vector));
  for (int h = 0; h < n; ++h) {
    Vector even, odd{};
    float* out = grads + (size_t)hits[h] * stride;
    std::memcpy(&even, out, sizeof even);
    for (int p = 0; p < kPixels; p += 2) {
      even += factors[h][p] * row[p];
      odd += factors[h][p + 1] * row[p + 1];
    }
    even += odd;
    std::memcpy(out, &even, sizeof even);
  }
}

// Adds a segment's gradients to the caller's arrays; a small lock guards each Gaussian, because
// other tiles hold it too.
struct Output {
  float *v_means2d, *v_conics, *v_opacities, *v_colors, *v_depths;
};

void flush(const Splats& splats, const Segment& g, const float* grads, int padded, bool alone,
           const Output& out) {
  static std::atomic_flag locks[4096];
  for (int k = 0; k < g.n; ++k) {
    const float* color = grads + (size_t)k * (padded + kMoments);
    const float* m = color + padded;
    const float x = g.x[k] - kTileSize / 2, y = g.y[k] - kTileSize / 2;
    const float dx = x * m[0] - m[1], dy = y * m[0] - m[2];
    const float v_x = 2 * g.p[k] * (dx + g.r[k] * dy);
    const int64_t i = g.ids[k];
    std::atomic_flag& lock = locks[i % 4096];
    while (!alone && lock.test_and_set(std::memory_order_acquire)) {
    }
    out.v_means2d[2 * i] += v_x;
    out.v_means2d[2 * i + 1] += g.r[k] * v_x + 2 * g.q[k] * dy;
    out.v_conics[3 * i] += 0.5f * (x * (dx - m[1]) + m[3]);
    out.v_conics[3 * i + 1] += x * dy - y * m[1] + m[4];
    out.v_conics[3 * i + 2] += 0.5f * (y * (dy - m[2]) + m[5]);
    out.v_opacities[i] -= m[0] / g.opacity[k];
    float* v_color = out.v_colors + i * splats.channels;
    for (int c = 0; c < splats.channels; ++c) v_color[c] += color[c];
    if (splats.with_depth) out.v_depths[i] += color[splats.channels];
    if (!alone) lock.clear(std::memory_order_release);
  }
}

// Reads the strip's pixels and their gradients; pixels outside the image get none.
void load_strip(const Splats& splats, const Tile& tile, int s, int padded,
                const float* transmittance, const int32_t* last, const float* v_render,
                const float* v_transmittance, Strip& strip, Scratch& scratch) {
  const int channels = splats.channels + splats.with_depth;
  std::fill_n(strip.transmittance, kPixels, 1.f);
  std::fill_n(strip.behind, kPixels, 0.f);
  std::fill_n(strip.last, kPixels, -1);
  float* columns = scratch.v_pixels.data() + (size_t)s * channels * kPixels;
  float* rows = scratch.v_pixels_rows.data() + (size_t)s * padded * kPixels;
  for_each_pixel(splats, tile, s % kStrip * kStrip, s / kStrip * kStrip, [&](int p, int64_t at) {
    strip.transmittance[p] = transmittance[at];
    strip.behind[p] = transmittance[at] * v_transmittance[at];
    strip.last[p] = last[at];
    for (int c = 0; c < channels; ++c)
      rows[p * padded + c] = columns[c * kPixels + p] = v_render[at * channels + c];
  });
  strip.max_last = *std::max_element(strip.last, strip.last + kPixels);
}

void backward_strip(const Splats& splats, const Segment& g, int s, int first, int padded,
                    Strip& strip, Scratch& scratch) {
  constexpr int B = W == 16 ? 8 : W / 2;  // sums that fit the registers
  const int channels = splats.channels + splats.with_depth;
  const int left = s % kStrip * kStrip, top = s / kStrip * kStrip;
  const int* hits = scratch.hits;
  int n = find_hits(g, left, top, scratch.hits);
  while (n > 0 && first + hits[n - 1] > strip.max_last) --n;
  const float* v_pixels = scratch.v_pixels.data() + (size_t)s * channels * kPixels;
  int h = 0;
  for (; h + B <= n; h += B)
    dot_colors<B>(g, hits + h, splats.channels, splats.with_depth, v_pixels, scratch.v_sigma + h);
  for (; h < n; ++h)
    dot_colors<1>(g, hits + h, splats.channels, splats.with_depth, v_pixels, scratch.v_sigma + h);
  unblend(g, hits, n, first, Grid(left, top), strip, scratch.weight, scratch.v_sigma);

  const int stride = padded + kMoments;
  float* grads = scratch.grads.data();
  const float* rows = scratch.v_pixels_rows.data() + (size_t)s * padded * kPixels;
  int c = 0;
  if (W == 16)
    for (; c + 16 <= padded; c += 16)
      add_products<16>(hits, n, scratch.weight, rows + c, padded, grads + c, stride);
  for (; c < padded; c += 8)
    add_products<8>(hits, n, scratch.weight, rows + c, padded, grads + c, stride);
  add_products<kMoments>(hits, n, scratch.v_sigma, scratch.moments[s][0], kMoments,
                         grads + padded, stride);
}

}  // namespace

void m3_rasterize_backward(const Splats* splats, const int64_t* offsets, const int32_t* ids,
                           const float* transmittance, const int32_t* last, const float* v_render,
                           const float* v_transmittance, float* v_means2d, float* v_conics,
                           float* v_opacities, float* v_colors, float* v_depths,
                           int32_t threads) {
  const int channels = splats->channels + splats->with_depth;
  const int padded = (channels + 7) / 8 * 8;
  const int64_t tiles = tile_count(*splats);
  const Output out = {v_means2d, v_conics, v_opacities, v_colors, v_depths};
#pragma omp parallel num_threads(threads)
  {
    Scratch scratch;
    scratch.grads.resize((size_t)kSegment * (padded + kMoments));
#pragma omp for schedule(dynamic, 4)
    for (int64_t t = 0; t < tiles; ++t) {
      const Tile tile = tile_at(*splats, offsets, t);
      if (tile.begin == tile.end) continue;
      scratch.v_pixels.assign((size_t)kStrips * kPixels * channels, 0.f);
      scratch.v_pixels_rows.assign((size_t)kStrips * kPixels * padded, 0.f);
      Strip strips[kStrips];
      int max_last = -1;
      for (int s = 0; s < kStrips; ++s) {
        load_strip(*splats, tile, s, padded, transmittance, last, v_render, v_transmittance,
                   strips[s], scratch);
        max_last = std::max(max_last, strips[s].max_last);
      }
      for (int first = max_last / kSegment * kSegment; first >= 0 && max_last >= 0;
           first -= kSegment) {
        gather(*splats, tile, ids, tile.begin + first, scratch.segment);
        std::fill(scratch.grads.begin(), scratch.grads.end(), 0.f);
        for (int s = 0; s < kStrips; ++s)
          if (strips[s].max_last >= first)
            backward_strip(*splats, scratch.segment, s, first, padded, strips[s], scratch);
        flush(*splats, scratch.segment, scratch.grads.data(), padded, threads == 1, out);
      }
    }
  }
}
