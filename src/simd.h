// Vectors as wide as the instruction set this file is compiled for (GCC/Clang vector extensions).
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX__)
constexpr int W = 8;
#else  // SSE2 and NEON
constexpr int W = 4;
#endif

typedef float vfloat __attribute__((vector_size(4 * W)));
typedef int32_t vint __attribute__((vector_size(4 * W)));

typedef float vfloat4 __attribute__((vector_size(16)));
typedef int32_t vint4 __attribute__((vector_size(16)));

inline vfloat load(const float* p) {
  vfloat v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Prefetches n floats; the Gaussians of a tile are scattered in memory.
inline void prefetch(const float* p, int n) {
  for (int i = 0; i < n; i += 64 / (int)sizeof(float)) __builtin_prefetch(p + i);
}

inline void store(float* p, vfloat v) { std::memcpy(p, &v, sizeof v); }

inline vfloat broadcast(float x) { return x - vfloat{}; }

inline vfloat min(vfloat a, vfloat b) { return a < b ? a : b; }
inline vfloat max(vfloat a, vfloat b) { return a > b ? a : b; }
inline vfloat clamp(vfloat x, vfloat low, vfloat high) { return min(max(x, low), high); }

inline vfloat sqrt(vfloat x) {
  for (int l = 0; l < W; ++l) x[l] = __builtin_sqrtf(x[l]);
  return x;
}

inline bool any(vint mask) {
  int32_t bits = 0;
  for (int l = 0; l < W; ++l) bits |= mask[l];
  return bits != 0;
}

// Appends first + l for every lane l of the mask; may write W elements,
// returns the number appended.
inline int append_lanes(vint mask, int first, int* out) {
#if defined(__AVX512F__)
  const __mmask16 lanes = _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask);
  const __m512i places = _mm512_add_epi32(
      _mm512_set1_epi32(first),
      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(lanes, places));
  return __builtin_popcount(lanes);
#else
  int n = 0;
  for (int l = 0; l < W; ++l) {
    out[n] = first + l;
    n += mask[l] != 0;
  }
  return n;
#endif
}

inline float sum(vfloat x) {
  float total = 0;
  for (int l = 0; l < W; ++l) total += x[l];
  return total;
}

// exp(-s) for s >= 0, relative error below 4e-7. s is clamped, so that a lane that a mask
// discards later is not inf: 0 * inf is NaN.
inline vfloat exp_neg(vfloat s) {
  const vfloat z = min(s, broadcast(80.f)) * -1.44269504f;
  const vfloat shifted = z + 12582912.f;  // 1.5 * 2^23: the low mantissa bits now hold round(z)
  const vfloat f = z - (shifted - 12582912.f);  // in [-0.5, 0.5]
  vfloat p = broadcast(1.54035304e-4f);  // Taylor series of 2^f
  p = p * f + 1.33335581e-3f;
  p = p * f + 9.61812911e-3f;
  p = p * f + 5.55041087e-2f;
  p = p * f + 2.40226507e-1f;
  p = p * f + 6.93147181e-1f;
  p = p * f + 1.f;
  return (vfloat)((vint)p + ((vint)shifted << 23));  // times 2^round(z)
}

// Elements of a (0 to 3) and b (4 to 7), selected by four constants.
#if defined(__clang__)
#define M3_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define M3_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, vint4{__VA_ARGS__})
#endif

inline void transpose_block(const float* in, int in_stride, float* out, int out_stride) {
  vfloat4 row[4], column[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&row[i], in + i * in_stride, sizeof row[i]);
  const vfloat4 low02 = M3_SHUFFLE(row[0], row[2], 0, 4, 1, 5);
  const vfloat4 low13 = M3_SHUFFLE(row[1], row[3], 0, 4, 1, 5);
  const vfloat4 high02 = M3_SHUFFLE(row[0], row[2], 2, 6, 3, 7);
  const vfloat4 high13 = M3_SHUFFLE(row[1], row[3], 2, 6, 3, 7);
  column[0] = M3_SHUFFLE(low02, low13, 0, 4, 1, 5);
  column[1] = M3_SHUFFLE(low02, low13, 2, 6, 3, 7);
  column[2] = M3_SHUFFLE(high02, high13, 0, 4, 1, 5);
  column[3] = M3_SHUFFLE(high02, high13, 2, 6, 3, 7);
  for (int i = 0; i < 4; ++i) std::memcpy(out + i * out_stride, &column[i], sizeof column[i]);
}

// out [columns][rows] = in [rows][columns]; a stride is the distance between two rows.
inline void transpose(const float* in, int in_stride, int rows, int columns, float* out,
                      int out_stride) {
  for (int r = 0; r < rows; r += 4)
    for (int c = 0; c < columns; c += 4) {
      const float* from = in + r * in_stride + c;
      float* to = out + c * out_stride + r;
      if (r + 4 <= rows && c + 4 <= columns) {
        transpose_block(from, in_stride, to, out_stride);
        continue;
      }
      for (int i = 0; i < 4 && r + i < rows; ++i)
        for (int j = 0; j < 4 && c + j < columns; ++j)
          to[j * out_stride + i] = from[i * in_stride + j];
    }
}

// Rows i .. i+W-1 of an array [n, D], one vector a column; the last row repeats past the end.
template <int D>
inline void load_rows(const float* p, int64_t i, int64_t n, vfloat (&columns)[D]) {
  float lanes[D][W];
  for (int l = 0; l < W; ++l) {
    const float* row = p + (i + l < n ? i + l : n - 1) * D;
    for (int d = 0; d < D; ++d) lanes[d][l] = row[d];
  }
  std::memcpy(columns, lanes, sizeof lanes);
}

template <int D>
inline void store_rows(float* p, int64_t i, int64_t n, const vfloat (&columns)[D]) {
  for (int l = 0; l < W && i + l < n; ++l)
    for (int d = 0; d < D; ++d) p[(i + l) * D + d] = columns[d][l];
}

template <int D>
inline void add_rows(float* p, int64_t i, int64_t n, const vfloat (&columns)[D]) {
  for (int l = 0; l < W && i + l < n; ++l)
    for (int d = 0; d < D; ++d) p[(i + l) * D + d] += columns[d][l];
}
