// Which Gaussians each tile draws, near to far: one radix sort by depth, then a stable counting
// sort into tiles.
#include <algorithm>
#include <vector>

#include "rasterizer_common.h"

namespace {

// Visible Gaussians by depth (ties by index): least significant digit radix sort of the depth's
// bits, which order like the positive floats they encode. Returns how many.
int64_t sort_by_depth(const Splats& splats, int32_t* order) {
  constexpr int kBits = 11, kBuckets = 1 << kBits;
  std::vector<uint64_t> from, to;
  for (int64_t i = 0; i < splats.n; ++i) {
    if (splats.radii[2 * i] <= 0) continue;
    uint32_t bits;
    std::memcpy(&bits, &splats.rows[i].depth, sizeof bits);
    from.push_back((uint64_t)bits << 32 | (uint32_t)i);
  }
  to.resize(from.size());
  for (int shift = 32; shift < 64; shift += kBits) {
    int64_t start[kBuckets + 1] = {};
    for (uint64_t key : from) ++start[(key >> shift & (kBuckets - 1)) + 1];
    for (int b = 0; b < kBuckets; ++b) start[b + 1] += start[b];
    for (uint64_t key : from) to[start[key >> shift & (kBuckets - 1)]++] = key;
    from.swap(to);
  }
  for (size_t k = 0; k < from.size(); ++k) order[k] = (int32_t)(uint32_t)from[k];
  return (int64_t)from.size();
}

// Calls visit(tile) for every tile in which Gaussian i has a pixel centre it may draw.
template <typename Visit>
void for_each_tile(const Splats& splats, int32_t i, Visit visit) {
  const int across = (splats.width + kTileSize - 1) / kTileSize;
  const int down = (splats.height + kTileSize - 1) / kTileSize;
  const Ellipse<float> e = ellipse_of(splats.rows[i]);
  const float rx = (float)splats.radii[2 * i], ry = (float)splats.radii[2 * i + 1];
  const auto tile = [](float pixel, int count) {
    return (int)std::clamp(pixel / kTileSize, 0.f, (float)count);
  };
  const int x0 = tile(e.x - rx, across), x1 = std::min(tile(e.x + rx, across) + 1, across);
  const int y0 = tile(e.y - ry, down), y1 = std::min(tile(e.y + ry, down) + 1, down);
  const auto clamp = [](float x, float low, float high) {
    return std::min(std::max(x, low), high);
  };
  for (int ty = y0; ty < y1; ++ty) {
    for (int tx = x0; tx < x1; ++tx) {
      const float left = tx * kTileSize + 0.5f, top = ty * kTileSize + 0.5f;
      const float right = std::min(left + kTileSize - 1, splats.width - 0.5f);
      const float bottom = std::min(top + kTileSize - 1, splats.height - 0.5f);
      if (least_sigma(e, left, right, top, bottom, 0.f, clamp) <= e.cut) visit(ty * across + tx);
    }
  }
}

}  // namespace

int64_t m3_count_tiles(const Splats* splats, int32_t* order, int32_t* counts, int64_t* offsets,
                       int32_t threads) {
  const int64_t tiles = tile_count(*splats);
  const int64_t visible = sort_by_depth(*splats, order);
  std::fill_n(counts, threads * tiles, 0);
  // A part of the order for each thread; the parts stay in depth order within every tile.
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int32_t part = 0; part < threads; ++part) {
    int32_t* count = counts + part * tiles;
    for (int64_t k = visible * part / threads; k < visible * (part + 1) / threads; ++k)
      for_each_tile(*splats, order[k], [&](int tile) { ++count[tile]; });
  }
  offsets[0] = 0;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    int32_t total = 0;  // counts become each part's start within the tile
    for (int32_t part = 0; part < threads; ++part) {
      const int32_t count = counts[part * tiles + tile];
      counts[part * tiles + tile] = total;
      total += count;
    }
    offsets[tile + 1] = offsets[tile] + total;
  }
  std::fill(order + visible, order + splats->n, -1);
  return offsets[tiles];
}

void m3_fill_tiles(const Splats* splats, const int32_t* order, int32_t* counts,
                   const int64_t* offsets, int32_t* ids, int32_t threads) {
  const int64_t tiles = tile_count(*splats);
  const int64_t visible = std::find(order, order + splats->n, -1) - order;
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int32_t part = 0; part < threads; ++part) {
    int32_t* next = counts + part * tiles;
    for (int64_t k = visible * part / threads; k < visible * (part + 1) / threads; ++k)
      for_each_tile(*splats, order[k],
                    [&](int tile) { ids[offsets[tile] + next[tile]++] = order[k]; });
  }
}
