// Exact test of a splat's visible ellipse { sigma <= cut } against a rectangle of pixel centres.
#pragma once
#include "rasterizer.h"

// F is float or vfloat; sigma(dx, dy) = p (dx + r dy)^2 + q dy^2 with (dx, dy) = mean - pixel.
template <typename F>
struct Ellipse {
  F x, y;     // mean, pixels
  F p, r, q;  // the quadratic form
  F s;        // where sigma is least along dy for fixed dx: dy = s dx
  F cut;      // largest sigma that is drawn, with slack for rounding
};

inline Ellipse<float> ellipse_of(const Row& row) {
  const float p = row.p, r = row.r, q = row.q;
  return {row.x, row.y, p, r, q, -p * r / (p * r * r + q), row.cut};
}

// Least sigma over the rectangle [x0, x1] x [y0, y1]: on its edges nearest to the mean, since the
// form is convex (both edges degenerate to the mean's own coordinate where it lies between them).
template <typename F, typename Clamp>
inline F least_sigma(const Ellipse<F>& e, F x0, F x1, F y0, F y1, F zero, Clamp clamp) {
  const F low_x = e.x - x1, high_x = e.x - x0, low_y = e.y - y1, high_y = e.y - y0;
  const F dy = clamp(zero, low_y, high_y);
  const F a = clamp(-e.r * dy, low_x, high_x) + e.r * dy;
  const F on_row = e.p * a * a + e.q * dy * dy;
  const F dx = clamp(zero, low_x, high_x);
  const F b = clamp(e.s * dx, low_y, high_y);
  const F c = dx + e.r * b;
  const F on_column = e.p * c * c + e.q * b * b;
  return on_row < on_column ? on_row : on_column;
}
