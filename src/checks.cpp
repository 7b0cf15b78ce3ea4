// Checks of the processor and of input values.
#include <cmath>
#include <cstring>

#include "rasterizer.h"

constexpr int32_t kExponent = 0x7f800000;  // all ones in NaN and infinity, and only there

int32_t m3_isa_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512cd");
  return v3 && v4 ? 4 : v3 ? 3 : 1;
#else
  return 1;
#endif
}

int64_t m3_first_nonfinite(const float* x, int64_t n, int32_t threads) {
  int64_t first = n;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(min : first)
  for (int64_t begin = 0; begin < n; begin += 4096) {
    const int64_t end = begin + 4096 < n ? begin + 4096 : n;
    int32_t bad = 0;
    for (int64_t i = begin; i < end; ++i) {
      int32_t bits;
      std::memcpy(&bits, x + i, sizeof bits);
      bad |= (bits & kExponent) == kExponent;
    }
    if (!bad) continue;
    int64_t i = begin;
    while (std::isfinite(x[i])) ++i;
    first = i < first ? i : first;
  }
  return first < n ? first : -1;
}
