// Alpha compositing of splats into pixels, near to far.
#include <vector>

#include "rasterizer_common.h"

namespace {

constexpr float kMinTransmittance = 1e-4f;

struct Scratch {  // of one thread
  Segment segment;
  int hits[kSegment + W];
  alignas(64) float weight[kSegment][kPixels];
  std::vector<float> pixels;  // [strip][channel][pixel]
};

// State of a strip's pixels on the way from near to far.
struct alignas(64) Strip {
  float transmittance[kPixels];
  int32_t done[kPixels];  // mask
  int32_t last[kPixels];
};

// Blending weights of the hits; returns false once every pixel is done.
bool blend(const Segment& g, const int* hits, int n, int first, const Grid& grid, Strip& strip,
           float (*weight)[kPixels], int* used) {
  vfloat T[V];
  vint done[V], last[V];
  std::memcpy(T, strip.transmittance, sizeof T);
  std::memcpy(done, strip.done, sizeof done);
  std::memcpy(last, strip.last, sizeof last);
  bool alive = true;
  int h = 0;
  for (; h < n && alive; ++h) {
    const int k = hits[h];
    vint all_done = done[0];
    for (int v = 0; v < V; ++v) {
      const vfloat raw = alpha_at(g, k, grid.x[v], grid.y[v]);
      const vfloat alpha = min(raw, broadcast(kMaxAlpha));
      vint drawn = (raw >= kAlphaThreshold) & ~done[v];
      const vfloat next = T[v] * (1.f - alpha);
      const vint full = drawn & (next <= kMinTransmittance);
      done[v] |= full;
      drawn &= ~full;
      store(weight[h] + v * W, drawn ? alpha * T[v] : vfloat{});
      T[v] = drawn ? next : T[v];
      last[v] = drawn ? vint{} + (first + k) : last[v];
      all_done &= done[v];
    }
    if (h % 8 == 7) alive = any(~all_done);
  }
  *used = h;
  std::memcpy(strip.transmittance, T, sizeof T);
  std::memcpy(strip.done, done, sizeof done);
  std::memcpy(strip.last, last, sizeof last);
  return alive;
}

// out [B][kPixels] += weights x B channels starting at `channel`.
template <int B>
void add_channels(const Segment& g, const int* hits, int n, const float (*weight)[kPixels],
                  int channel, float* out) {
  vfloat sum[B][V];
  for (int b = 0; b < B; ++b)
    for (int v = 0; v < V; ++v) sum[b][v] = load(out + b * kPixels + v * W);
  for (int h = 0; h < n; ++h) {
    const float* color = g.color[hits[h]] + channel;
    for (int v = 0; v < V; ++v) {
      const vfloat w = load(weight[h] + v * W);
      for (int b = 0; b < B; ++b) sum[b][v] += w * color[b];
    }
  }
  for (int b = 0; b < B; ++b)
    for (int v = 0; v < V; ++v) store(out + b * kPixels + v * W, sum[b][v]);
}

void composite(const Splats& splats, const Segment& g, const int* hits, int n,
               const float (*weight)[kPixels], float* out) {
  constexpr int B = W == 16 ? 8 : 4;  // sums that fit the registers
  const int channels = splats.channels;
  int c = 0;
  for (; c + B <= channels; c += B) add_channels<B>(g, hits, n, weight, c, out + c * kPixels);
  for (; c + 4 <= channels; c += 4) add_channels<4>(g, hits, n, weight, c, out + c * kPixels);
  for (; c + 3 <= channels; c += 3) add_channels<3>(g, hits, n, weight, c, out + c * kPixels);
  for (; c < channels; ++c) add_channels<1>(g, hits, n, weight, c, out + c * kPixels);
  if (!splats.with_depth) return;
  for (int h = 0; h < n; ++h)
    for (int v = 0; v < V; ++v) {
      float* sum = out + c * kPixels + v * W;
      store(sum, load(sum) + load(weight[h] + v * W) * g.depth[hits[h]]);
    }
}

void draw_tile(const Splats& splats, const Tile& tile, const int32_t* ids, const float* background,
               float* render, float* transmittance, int32_t* last, Scratch& scratch) {
  const int channels = all_channels(splats);
  Strip strips[kStrips];
  for (Strip& strip : strips) {
    std::fill_n(strip.transmittance, kPixels, 1.f);
    std::fill_n(strip.done, kPixels, 0);
    std::fill_n(strip.last, kPixels, -1);
  }
  bool alive[kStrips];
  std::fill_n(alive, kStrips, true);
  scratch.pixels.assign((size_t)kStrips * channels * kPixels, 0.f);
  for (int64_t begin = tile.begin; begin < tile.end; begin += kSegment) {
    if (std::find(alive, alive + kStrips, true) == alive + kStrips) break;
    gather(splats, tile, ids, begin, scratch.segment);
    for (int s = 0; s < kStrips; ++s) {
      if (!alive[s]) continue;
      const int left = s % kStrip * kStrip, top = s / kStrip * kStrip;
      int n = find_hits(scratch.segment, left, top, scratch.hits);
      alive[s] = blend(scratch.segment, scratch.hits, n, (int)(begin - tile.begin),
                       Grid(left, top), strips[s], scratch.weight, &n);
      composite(splats, scratch.segment, scratch.hits, n, scratch.weight,
                scratch.pixels.data() + (size_t)s * channels * kPixels);
    }
  }
  for (int s = 0; s < kStrips; ++s) {
    const float* pixels = scratch.pixels.data() + (size_t)s * channels * kPixels;
    for_each_row(splats, tile, s % kStrip * kStrip, s / kStrip * kStrip,
                 [&](int p, int64_t at, int n) {
      std::copy_n(strips[s].transmittance + p, n, transmittance + at);
      std::copy_n(strips[s].last + p, n, last + at);
      transpose(pixels + p, kPixels, channels, n, render + at * channels, channels);
      for (int j = 0; background && j < n; ++j)
        for (int c = 0; c < channels; ++c)
          render[(at + j) * channels + c] += transmittance[at + j] * background[c];
    });
  }
}

}  // namespace

void m3_rasterize(const Splats* splats, const int64_t* offsets, const int32_t* ids,
                  const float* background, float* render, float* transmittance, int32_t* last,
                  int32_t threads) {
  const int64_t tiles = tile_count(*splats);
#pragma omp parallel num_threads(threads)
  {
    Scratch scratch;
#pragma omp for schedule(dynamic, 4)
    for (int64_t t = 0; t < tiles; ++t)
      draw_tile(*splats, tile_at(*splats, offsets, t), ids, background, render, transmittance,
                last, scratch);
  }
}
