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

inline vfloat load(const float* p) {
  vfloat v;
  std::memcpy(&v, p, sizeof v);
  return v;
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

// Appends first + l for every lane l of the mask; writes up to W places, returns how many count.
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

// exp(-s) for s >= 0, relative error below 4e-7. s is clamped: a lane that a mask will discard must
// not turn into inf, because 0 * inf is NaN.
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

// Rows i .. i+W-1 of an array [n, D], one vector a column; rows past the end repeat the last one.
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
