// Gradient of the compositing, far to near: transmittance is recovered by division, and the
// contribution behind a Gaussian is one scalar a pixel (the dot product of its colour with the pixel's
// gradient), whatever the number of channels.
#include <vector>

#include "rasterizer_common.h"

namespace {

constexpr int kAhead = 8;    // prefetch distance, Gaussians
constexpr int kMoments = 8;  // sums of v_sigma times 1, x, y, x^2, xy, y^2, and two unused

struct Scratch {  // of one thread
  Segment segment;
  int hits[kSegment + W];
  alignas(64) float weight[kSegment + W][kPixels];
  alignas(64) float v_sigma[kSegment + W][kPixels];  // at first colour . v_pixel
  alignas(64) float moments[kStrips][kPixels][kMoments];
  std::vector<float> v_pixels;  // [strip][channel][pixel]
  std::vector<float> outside;   // [channel], zeros: the gradient of a pixel outside the image
  std::vector<float> grads;     // [Gaussian][channels + kMoments]

  explicit Scratch(int channels)
      : v_pixels((size_t)kStrips * kPixels * channels),
        outside(channels),
        grads((size_t)kSegment * (channels + kMoments)) {
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
  const float* v_pixel[kPixels];  // each [channel]
};

// out[b] = colour of hit b . gradient of the pixel, for B hits.
template <int B>
void dot_colors(const Segment& g, const int* hits, int channels, bool with_depth,
                const float* v_pixels, float (*out)[kPixels]) {
  vfloat sum[B][V];
  for (int b = 0; b < B; ++b)
    for (int v = 0; v < V; ++v) sum[b][v] = vfloat{};
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

// grads[hit][0..L) += factors[hit] (one a pixel) x row_of(pixel)[0..L).
template <int L, typename RowOf>
void add_products(const int* hits, int n, const float (*factors)[kPixels], RowOf row_of,
                  float* grads, int stride) {
  typedef float Vector __attribute__((vector_size(4 * L)));
  Vector row[kPixels];
  for (int p = 0; p < kPixels; ++p) std::memcpy(&row[p], row_of(p), sizeof(Vector));
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

// Adds a segment's gradients to the caller's arrays; other tiles may contain the same Gaussians.
void flush(const Splats& splats, const Segment& g, const float* grads, float* v_colors,
           RowGradient* v_rows) {
  const int channels = all_channels(splats);
  for (int k = 0; k < g.n; ++k) {
    if (k + kAhead < g.n) {
      __builtin_prefetch(v_rows + g.ids[k + kAhead]);
      prefetch(v_colors + (int64_t)g.ids[k + kAhead] * splats.channels, splats.channels);
    }
    const float* color = grads + (size_t)k * (channels + kMoments);
    const float* m = color + channels;
    const float x = g.x[k] - kTileSize / 2, y = g.y[k] - kTileSize / 2;
    const float dx = x * m[0] - m[1], dy = y * m[0] - m[2];
    const float v_x = 2 * g.p[k] * (dx + g.r[k] * dy);
    const int64_t i = g.ids[k];
    RowGradient& out = v_rows[i];
    while (__atomic_exchange_n(&out.lock, 1, __ATOMIC_ACQUIRE)) {
    }
    out.mean2d[0] += v_x;
    out.mean2d[1] += g.r[k] * v_x + 2 * g.q[k] * dy;
    out.conic[0] += 0.5f * (x * (dx - m[1]) + m[3]);
    out.conic[1] += x * dy - y * m[1] + m[4];
    out.conic[2] += 0.5f * (y * (dy - m[2]) + m[5]);
    out.opacity -= m[0] / g.opacity[k];
    if (splats.with_depth) out.depth += color[splats.channels];
    float* v_color = v_colors + i * splats.channels;
    for (int c = 0; c < splats.channels; ++c) v_color[c] += color[c];
    __atomic_store_n(&out.lock, 0, __ATOMIC_RELEASE);
  }
}

// Reads the strip's pixels and their gradients; pixels outside the image get none.
void load_strip(const Splats& splats, const Tile& tile, int s, const float* transmittance,
                const int32_t* last, const float* v_render,
                const float* v_transmittance, Strip& strip, Scratch& scratch) {
  const int channels = all_channels(splats);
  const int left = s % kStrip * kStrip, top = s / kStrip * kStrip;
  std::fill_n(strip.transmittance, kPixels, 1.f);
  std::fill_n(strip.behind, kPixels, 0.f);
  std::fill_n(strip.last, kPixels, -1);
  std::fill_n(strip.v_pixel, kPixels, scratch.outside.data());
  float* v_pixels = scratch.v_pixels.data() + (size_t)s * channels * kPixels;
  if (tile.x + left + kStrip > splats.width || tile.y + top + kStrip > splats.height)
    std::fill_n(v_pixels, kPixels * channels, 0.f);
  for_each_row(splats, tile, left, top, [&](int p, int64_t at, int n) {
    for (int j = 0; j < n; ++j) {
      strip.transmittance[p + j] = transmittance[at + j];
      strip.behind[p + j] = transmittance[at + j] * v_transmittance[at + j];
      strip.last[p + j] = last[at + j];
      strip.v_pixel[p + j] = v_render + (at + j) * channels;
    }
    transpose(v_render + at * channels, channels, n, channels, v_pixels + p, kPixels);
  });
  strip.max_last = *std::max_element(strip.last, strip.last + kPixels);
}

void backward_strip(const Splats& splats, const Segment& g, int s, int first, Strip& strip,
                    Scratch& scratch) {
  constexpr int B = W == 16 ? 8 : W / 2;  // sums that fit the registers
  const int left = s % kStrip * kStrip, top = s / kStrip * kStrip;
  int* hits = scratch.hits;
  int n = find_hits(g, left, top, hits);
  while (n > 0 && first + hits[n - 1] > strip.max_last) --n;
  if (n == 0) return;
  const int channels = all_channels(splats);
  const float* v_pixels = scratch.v_pixels.data() + (size_t)s * channels * kPixels;
  std::fill_n(hits + n, B - 1, hits[n - 1]);  // pads the last block; results of the padding are not used
  for (int h = 0; h < n; h += B)
    dot_colors<B>(g, hits + h, splats.channels, splats.with_depth, v_pixels, scratch.v_sigma + h);
  unblend(g, hits, n, first, Grid(left, top), strip, scratch.weight, scratch.v_sigma);

  const int stride = channels + kMoments;
  float* grads = scratch.grads.data();
  int c = 0;
  const auto v_pixel = [&](int p) { return strip.v_pixel[p] + c; };
  if (W == 16)
    for (; c + 16 <= channels; c += 16)
      add_products<16>(hits, n, scratch.weight, v_pixel, grads + c, stride);
  for (; c + 8 <= channels; c += 8)
    add_products<8>(hits, n, scratch.weight, v_pixel, grads + c, stride);
  for (; c + 4 <= channels; c += 4)
    add_products<4>(hits, n, scratch.weight, v_pixel, grads + c, stride);
  for (; c < channels; ++c)
    add_products<1>(hits, n, scratch.weight, v_pixel, grads + c, stride);
  const auto moments = [&](int p) { return scratch.moments[s][p]; };
  add_products<kMoments>(hits, n, scratch.v_sigma, moments, grads + channels, stride);
}

}  // namespace

void m3_rasterize_backward(const Splats* splats, const int64_t* offsets, const int32_t* ids,
                           const float* transmittance, const int32_t* last, const float* v_render,
                           const float* v_transmittance, float* v_colors, RowGradient* v_rows,
                           int32_t threads) {
  const int64_t tiles = tile_count(*splats);
#pragma omp parallel num_threads(threads)
  {
    Scratch scratch(all_channels(*splats));
#pragma omp for schedule(dynamic, 4)
    for (int64_t t = 0; t < tiles; ++t) {
      const Tile tile = tile_at(*splats, offsets, t);
      if (tile.begin == tile.end) continue;
      Strip strips[kStrips];
      int max_last = -1;
      for (int s = 0; s < kStrips; ++s) {
        load_strip(*splats, tile, s, transmittance, last, v_render, v_transmittance, strips[s],
                   scratch);
        max_last = std::max(max_last, strips[s].max_last);
      }
      for (int first = max_last / kSegment * kSegment; first >= 0 && max_last >= 0;
           first -= kSegment) {
        gather(*splats, tile, ids, tile.begin + first, scratch.segment);
        std::fill(scratch.grads.begin(), scratch.grads.end(), 0.f);
        for (int s = 0; s < kStrips; ++s)
          if (strips[s].max_last >= first)
            backward_strip(*splats, scratch.segment, s, first, strips[s], scratch);
        flush(*splats, scratch.segment, scratch.grads.data(), v_colors, v_rows);
      }
    }
  }
}
