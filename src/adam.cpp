// The optimizer's step, one pass over memory.
#include <cmath>

#include "rasterizer.h"

void m3_adam(int64_t n, float* x, const float* gradient, float* first, float* second, float rate,
             float beta1, float beta2, float epsilon, int32_t threads) {
#pragma omp parallel for simd schedule(static) num_threads(threads)
  for (int64_t i = 0; i < n; ++i) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    x[i] -= rate * first[i] / (std::sqrt(second[i]) + epsilon);
  }
}
