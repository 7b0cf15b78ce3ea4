// (1 - w) L1 + w (1 - SSIM) of two images, with the gradient, in two sweeps over the rows.
//
// SSIM (Wang et al. 2004) with an 11 x 11 Gaussian window, sigma 1.5, zero-padded. The gradient of
// the mean needs one more blur: of the derivatives of each window's value by its own moments.
#include <cmath>
#include <vector>

#include "rasterizer.h"
#include "simd.h"

namespace {

constexpr int kRadius = 5, kTaps = 2 * kRadius + 1, kHalo = 16, kBand = 32;
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;

struct Window {
  float tap[kRadius + 1];  // tap[k] at distance k
  Window() {
    float total = 0;
    for (int k = 0; k <= kRadius; ++k) {
      tap[k] = std::exp(-0.5f * k * k / (1.5f * 1.5f));
      total += k ? 2 * tap[k] : tap[k];
    }
    for (float& t : tap) t /= total;
  }
};

// Rows of floats, padded with zeros on both sides to a multiple of W.
struct Rows {
  int width, stride;
  std::vector<float> data;
  Rows(int64_t count, int width)
      : width(width), stride((width + W - 1) / W * W + 2 * kHalo), data(count * stride, 0.f) {}
  float* row(int64_t i) { return data.data() + i * stride + kHalo; }
  void clear_tail(float* row) const { std::fill(row + width, row + stride - kHalo, 0.f); }
};

void blur_row(const Window& window, const float* in, float* out, int width) {
  for (int x = 0; x < width; x += W) {
    vfloat sum = window.tap[0] * load(in + x);
    for (int k = 1; k <= kRadius; ++k) sum += window.tap[k] * (load(in + x - k) + load(in + x + k));
    store(out + x, sum);
  }
}

// The last kTaps horizontally blurred rows of Q quantities; the vertical blur reads them.
template <int Q>
struct Ring {
  Rows rows;
  explicit Ring(int width) : rows(Q * kTaps, width) {}
  float* row(int quantity, int y) {
    return rows.row(quantity * kTaps + (y + 2 * kTaps) % kTaps);
  }
  vfloat blurred(const Window& window, int quantity, int y, int x) {
    vfloat sum = window.tap[0] * load(row(quantity, y) + x);
    for (int k = 1; k <= kRadius; ++k)
      sum += window.tap[k] * (load(row(quantity, y - k) + x) + load(row(quantity, y + k) + x));
    return sum;
  }
};

struct Images {
  const float *image, *target;  // [height, width, channels]
  int height, width, channels;
  void read(const float* from, int y, int channel, float* row) const {
    const float* pixel = from + (int64_t)y * width * channels + channel;
    for (int x = 0; x < width; ++x) row[x] = pixel[x * channels];
  }
};

// SSIM of the rows [y0, y1) of a channel: returns its sum, and writes the derivatives of each
// window's value by its mean of x, of x^2 and of xy.
double ssim_rows(const Images& im, const Window& window, int channel, int y0, int y1,
                 Rows (&derivatives)[3]) {
  Ring<5> ring(im.width);
  Rows products(5, im.width);
  double total = 0;
  for (int next = y0 - kRadius; next < y1 + kRadius; ++next) {
    float* p[5];
    for (int q = 0; q < 5; ++q) p[q] = products.row(q);
    if (next >= 0 && next < im.height) {
      im.read(im.image, next, channel, p[0]);
      im.read(im.target, next, channel, p[1]);
      for (int x = 0; x < im.width; x += W) {
        const vfloat a = load(p[0] + x), b = load(p[1] + x);
        store(p[2] + x, a * a);
        store(p[3] + x, b * b);
        store(p[4] + x, a * b);
      }
    } else {
      for (int q = 0; q < 5; ++q) std::fill_n(p[q], im.width, 0.f);
    }
    for (int q = 0; q < 5; ++q) blur_row(window, p[q], ring.row(q, next), im.width);
    const int y = next - kRadius;
    if (y < y0) continue;
    const int64_t out = (int64_t)channel * im.height + y;
    for (int x = 0; x < im.width; x += W) {
      vfloat m[5];
      for (int q = 0; q < 5; ++q) m[q] = ring.blurred(window, q, y, x);
      const vfloat mx = m[0], my = m[1], xy = m[4] - mx * my;
      const vfloat luminance = 2.f * mx * my + kC1, structure = 2.f * xy + kC2;
      const vfloat level = mx * mx + my * my + kC1;
      const vfloat contrast = m[2] - mx * mx + m[3] - my * my + kC2;
      const vfloat scale = 1.f / (level * contrast), value = luminance * structure * scale;
      for (int l = 0; l < W && x + l < im.width; ++l) total += value[l];
      // d/dmx holds the other moments still, so it includes the variances' -mx^2 and -mx my.
      store(derivatives[0].row(out) + x,
            2.f * my * (structure - luminance) * scale -
                2.f * mx * value * (contrast - level) * scale);
      store(derivatives[1].row(out) + x, -value * level * scale);
      store(derivatives[2].row(out) + x, 2.f * luminance * scale);
    }
    for (Rows& d : derivatives) d.clear_tail(d.row(out));
  }
  return total;
}

// Gradient of the rows [y0, y1) of a channel; returns the sum of absolute differences.
double gradient_rows(const Images& im, const Window& window, int channel, int y0, int y1,
                     Rows (&derivatives)[3], float l1_scale, float ssim_scale, float* gradient) {
  Ring<3> ring(im.width);
  Rows row(2, im.width);
  double total = 0;
  for (int next = y0 - kRadius; next < y1 + kRadius; ++next) {
    const bool inside = next >= 0 && next < im.height;
    for (int q = 0; q < 3; ++q) {
      const int64_t from = (int64_t)channel * im.height + next;
      if (inside)
        blur_row(window, derivatives[q].row(from), ring.row(q, next), im.width);
      else
        std::fill_n(ring.row(q, next), im.width, 0.f);
    }
    const int y = next - kRadius;
    if (y < y0) continue;
    float *a = row.row(0), *b = row.row(1);
    im.read(im.image, y, channel, a);
    im.read(im.target, y, channel, b);
    float* out = gradient + (int64_t)y * im.width * im.channels + channel;
    for (int x = 0; x < im.width; x += W) {
      const vfloat va = load(a + x), vb = load(b + x), zero{};
      const vfloat ssim = ring.blurred(window, 0, y, x) +
                          2.f * va * ring.blurred(window, 1, y, x) +
                          vb * ring.blurred(window, 2, y, x);
      const vfloat sign = va > vb ? zero + 1.f : (va < vb ? zero - 1.f : zero);
      const vfloat g = l1_scale * sign - ssim_scale * ssim;
      for (int l = 0; l < W && x + l < im.width; ++l) {
        total += std::fabs(va[l] - vb[l]);
        out[(x + l) * im.channels] = g[l];
      }
    }
  }
  return total;
}

}  // namespace

double m3_photometric_loss(const float* image, const float* target, int64_t height, int64_t width,
                           int64_t channels, float ssim_weight, float* gradient,
                           int32_t threads) {
  const Window window;
  const Images im = {image, target, (int)height, (int)width, (int)channels};
  const double count = (double)height * width * channels, w = ssim_weight;
  Rows derivatives[3] = {{channels * height, im.width},
                         {channels * height, im.width},
                         {channels * height, im.width}};
  const int64_t bands = (height + kBand - 1) / kBand;
  double ssim = 0, l1 = 0;
#pragma omp parallel num_threads(threads)
  {
#pragma omp for reduction(+ : ssim) schedule(static)
    for (int64_t i = 0; i < bands * channels; ++i) {
      const int y = (int)(i % bands) * kBand, end = y + kBand < height ? y + kBand : (int)height;
      ssim += ssim_rows(im, window, (int)(i / bands), y, end, derivatives);
    }
#pragma omp for reduction(+ : l1) schedule(static)
    for (int64_t i = 0; i < bands * channels; ++i) {
      const int y = (int)(i % bands) * kBand, end = y + kBand < height ? y + kBand : (int)height;
      l1 += gradient_rows(im, window, (int)(i / bands), y, end, derivatives,
                          (float)((1 - w) / count), (float)(w / count), gradient);
    }
  }
  return (1 - w) * l1 / count + w * (1 - ssim / count);
}
