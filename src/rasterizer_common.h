// Shared by the forward and the backward pass of the rasterizer.
//
// A thread takes a tile of 16 x 16 pixels, gathers up to kSegment of its Gaussians, and for each
// strip of 4 x 4 pixels lists those that reach it. Blending weights are computed first; the
// channels are then a small matrix product (weights x colours), so that any number of channels uses
// full vectors.
// Scratch memory does not depend on the number of Gaussians.
#pragma once
#include <algorithm>

#include "ellipse.h"
#include "rasterizer.h"
#include "simd.h"

namespace {

constexpr int kSegment = 256;             // Gaussians gathered at once
constexpr int kStrip = 4;                 // a strip is 4 x 4 pixels
constexpr int kPixels = kStrip * kStrip;  // pixels of a strip
constexpr int kStrips = (kTileSize / kStrip) * (kTileSize / kStrip);
constexpr int V = kPixels / W;            // vectors a strip
constexpr float kAlphaThreshold = 1.f / 255.f, kMaxAlpha = 0.999f;

struct Tile {
  int x, y;            // corner, pixels
  int64_t begin, end;  // its part of ids
};

inline Tile tile_at(const Splats& splats, const int64_t* offsets, int64_t index) {
  const int across = (splats.width + kTileSize - 1) / kTileSize;
  return {(int)(index % across) * kTileSize, (int)(index / across) * kTileSize, offsets[index],
          offsets[index + 1]};
}

inline int64_t tile_count(const Splats& splats) {
  return (int64_t)((splats.width + kTileSize - 1) / kTileSize) *
         ((splats.height + kTileSize - 1) / kTileSize);
}

// Channels of the image of a view.
inline int all_channels(const Splats& splats) { return splats.channels + splats.with_depth; }

struct Segment {
  int n;
  int32_t ids[kSegment];
  alignas(64) float x[kSegment], y[kSegment];  // mean relative to the tile's corner
  alignas(64) float p[kSegment], r[kSegment], q[kSegment], s[kSegment], cut[kSegment];
  alignas(64) float opacity[kSegment], depth[kSegment];
  const float* color[kSegment];
};

inline void gather(const Splats& splats, const Tile& tile, const int32_t* ids, int64_t begin,
                   Segment& out) {
  out.n = (int)std::min<int64_t>(kSegment, tile.end - begin);
  for (int k = 0; k < out.n; ++k) __builtin_prefetch(splats.rows + ids[begin + k]);
  for (int k = 0; k < out.n; ++k) {
    const int64_t i = out.ids[k] = ids[begin + k];
    const Row& row = splats.rows[i];
    const Ellipse<float> e = ellipse_of(row);
    out.x[k] = e.x - tile.x;
    out.y[k] = e.y - tile.y;
    out.p[k] = e.p;
    out.r[k] = e.r;
    out.q[k] = e.q;
    out.s[k] = e.s;
    out.cut[k] = e.cut;
    out.opacity[k] = row.opacity;
    out.depth[k] = row.depth;
    out.color[k] = splats.colors + i * splats.channels;
    prefetch(out.color[k], splats.channels);
  }
}

// Lists the Gaussians of the segment that reach the strip whose corner is (left, top); `hits` has
// room for kSegment + W.
inline int find_hits(const Segment& g, int left, int top, int* hits) {
  const vfloat x0 = broadcast(left + 0.5f), x1 = x0 + (kStrip - 1.f);
  const vfloat y0 = broadcast(top + 0.5f), y1 = y0 + (kStrip - 1.f);
  int n = 0;
  for (int k = 0; k < g.n; k += W) {
    const Ellipse<vfloat> e = {load(g.x + k), load(g.y + k), load(g.p + k),  load(g.r + k),
                               load(g.q + k), load(g.s + k), load(g.cut + k)};
    n += append_lanes(least_sigma(e, x0, x1, y0, y1, vfloat{}, clamp) <= e.cut, k, hits + n);
  }
  while (n > 0 && hits[n - 1] >= g.n) --n;  // lanes past the end of the segment
  return n;
}

// Pixel centres of a strip relative to the tile's corner.
struct Grid {
  vfloat x[V], y[V];
  Grid(int left, int top) {
    for (int v = 0; v < V; ++v)
      for (int l = 0; l < W; ++l) {
        x[v][l] = left + (v * W + l) % kStrip + 0.5f;
        y[v][l] = top + (v * W + l) / kStrip + 0.5f;
      }
  }
};

// Unclamped alpha of Gaussian k at W pixels; both passes call this, so that they make
// the same decisions.
inline vfloat alpha_at(const Segment& g, int k, vfloat x, vfloat y) {
  const vfloat dx = g.x[k] - x, dy = g.y[k] - y;
  const vfloat u = dx + g.r[k] * dy;
  return g.opacity[k] * exp_neg(g.p[k] * u * u + g.q[k] * dy * dy);
}

// Calls visit(first pixel of the strip, first pixel of the image, number of pixels) for every row
// of a strip, as far as it is inside the image.
template <typename Visit>
inline void for_each_row(const Splats& splats, const Tile& tile, int left, int top, Visit visit) {
  const int rows = std::min(kStrip, splats.height - tile.y - top);
  const int columns = std::min(kStrip, splats.width - tile.x - left);
  for (int i = 0; columns > 0 && i < rows; ++i)
    visit(i * kStrip, (int64_t)(tile.y + top + i) * splats.width + tile.x + left, columns);
}

}  // namespace
