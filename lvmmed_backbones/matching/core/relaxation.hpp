// Frank-Wolfe over doubly stochastic matrices X (Vogelstein et al., PLOS ONE 2015) for
//     <vertex, X> + <X, Q X> / 2 - concavity <X, X>
// with a concavity that falls to 0 from step to step (path following: Zaslavskiy et al., TPAMI 2009).
#pragma once

#include <cstdint>
#include <vector>

#include "assignment.hpp"
#include "problem.hpp"

namespace matching {

// The best permutation that a search has seen.
struct Incumbent {
    std::vector<std::int32_t> p;
    double objective = 0;

    void offer(const std::int32_t* q, std::int32_t n, double value) {
        if (!p.empty() && value <= objective) return;
        p.assign(q, q + n);
        objective = value;
    }
};

struct Path {
    std::int32_t steps;
    float concavity;  // at the first step, in units of Problem::unit
};

class Relaxation {
public:
    Relaxation(const Problem& problem, LinearAssignment<float>& assignment);

    // Follow the path from the middle between the flat matrix and the permutation `start` (from the flat matrix if null),
    // and offer every vertex on the way.
    void follow(const Path& path, const std::int32_t* start, Incumbent& best);

private:
    void look_at(const std::int32_t* p);
    void step_towards(const std::int32_t* p, double step);

    const Problem& problem_;
    LinearAssignment<float>& assignment_;
    std::vector<float> flat_image_, point_, image_, gradient_;  // (n, n): Q applied to the flat X, X, Q X, gradient
    std::vector<std::int32_t> vertex_;
    double linear_ = 0, quadratic_ = 0, square_ = 0;  // <vertex, X>, <X, Q X>, <X, X>

    // Of the permutation P looked at: the same three with P, and with P and X, and the nonzeros of Q P.
    double vertex_linear_ = 0, vertex_quadratic_ = 0, cross_ = 0, inner_ = 0;
    struct Entry {
        std::int32_t at;
        float value;
    };
    std::vector<Entry> vertex_image_;
};

}  // namespace matching
