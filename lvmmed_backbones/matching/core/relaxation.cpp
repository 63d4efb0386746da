#include "relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "dispatch.hpp"

namespace matching {

namespace {

DISPATCH void combine(const float* vertex, const float* image, const float* point, float factor, float* out,
                      std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) out[k] = vertex[k] + image[k] + factor * point[k];
}

DISPATCH void scale(float* a, float* b, float factor, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
        a[k] *= factor;
        b[k] *= factor;
    }
}

}  // namespace

Relaxation::Relaxation(const Problem& problem, LinearAssignment<float>& assignment)
    : problem_(problem), assignment_(assignment), flat_image_(problem.edge_sums()), point_(flat_image_.size()),
      gradient_(flat_image_.size()), vertex_(problem.n) {
    for (float& x : flat_image_) x /= static_cast<float>(problem.n);
}

void Relaxation::follow(const Path& path, const std::int32_t* start, Incumbent& best) {
    const std::size_t n = problem_.n, size = n * n;
    const double share = 1.0 / static_cast<double>(n);
    image_ = flat_image_;
    point_.assign(size, static_cast<float>(share));
    linear_ = quadratic_ = 0;
    square_ = 1;
    for (std::size_t k = 0; k < size; ++k) {
        if (problem_.vertex[k] > kForbiddenBelow) linear_ += share * problem_.vertex[k];
        quadratic_ += share * flat_image_[k];
    }
    if (start) {
        look_at(start);
        step_towards(start, 0.5);
    }
    const float epsilon = 0.01f * problem_.unit;  // a vertex close to the best is as good a direction
    for (std::int32_t t = 0; t < path.steps; ++t) {
        const float left = path.steps > 1 ? 1.f - static_cast<float>(t) / static_cast<float>(path.steps - 1) : 0.f;
        const float concavity = problem_.unit * path.concavity * left;
        combine(problem_.vertex.data(), image_.data(), point_.data(), -2 * concavity, gradient_.data(), size);
        assignment_.maximise(gradient_.data(), epsilon, vertex_.data());
        look_at(vertex_.data());
        best.offer(vertex_.data(), problem_.n, vertex_linear_ + vertex_quadratic_ / 2);
        // The objective at X + s (P - X) is slope s + curvature s^2 above that at X.
        const double slope = vertex_linear_ - linear_ + cross_ - quadratic_ - 2 * concavity * (inner_ - square_);
        const double curvature = (quadratic_ - 2 * cross_ + vertex_quadratic_) / 2 -
                                 concavity * (square_ - 2 * inner_ + static_cast<double>(n));
        if (slope <= problem_.tolerance) {
            if (inner_ > 0.999 * static_cast<double>(n)) break;  // X is a permutation and stays one
            continue;
        }
        step_towards(vertex_.data(), curvature < 0 ? std::min(1.0, -slope / (2 * curvature)) : 1.0);
    }
}

// A permutation touches few entries: for each source edge those of the target edges at its ends' places.
void Relaxation::look_at(const std::int32_t* p) {
    const Input& in = problem_.input;
    const std::int32_t n = problem_.n;
    vertex_linear_ = vertex_quadratic_ = cross_ = inner_ = 0;
    for (std::int32_t i = 0; i < n; ++i) {
        const std::size_t at = static_cast<std::size_t>(i) * n + p[i];
        vertex_linear_ += problem_.vertex[at];
        cross_ += image_[at];
        inner_ += point_[at];
    }
    vertex_image_.clear();
    for (std::int32_t e = 0; e < in.source_edges; ++e) {
        const std::int32_t i = in.source[2 * e], j = in.source[2 * e + 1], a = p[i], b = p[j];
        for (auto it = problem_.entering.begin(b); it != problem_.entering.end(b); ++it) {
            const float value = problem_.edge(e, it->edge);
            if (it->other == a) vertex_quadratic_ += 2 * value;
            vertex_image_.push_back({i * n + it->other, value});
        }
        for (auto it = problem_.leaving.begin(a); it != problem_.leaving.end(a); ++it)
            vertex_image_.push_back({j * n + it->other, problem_.edge(e, it->edge)});
    }
}

void Relaxation::step_towards(const std::int32_t* p, double step) {
    const double rest = 1 - step;
    const auto weight = static_cast<float>(step);
    scale(image_.data(), point_.data(), static_cast<float>(rest), point_.size());
    for (const Entry& entry : vertex_image_) image_[entry.at] += weight * entry.value;
    for (std::int32_t i = 0; i < problem_.n; ++i) point_[static_cast<std::size_t>(i) * problem_.n + p[i]] += weight;
    linear_ = rest * linear_ + step * vertex_linear_;
    quadratic_ = rest * rest * quadratic_ + 2 * step * rest * cross_ + step * step * vertex_quadratic_;
    square_ = rest * rest * square_ + 2 * step * rest * inner_ + step * step * problem_.n;
}

}  // namespace matching
