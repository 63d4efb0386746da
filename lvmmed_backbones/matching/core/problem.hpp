// A graph matching problem as the searches see it: maximise, over permutations p of n vertices,
//     sum_i vertex[i, p(i)] + sum_{e = (i, j)} edge(e, p(i) -> p(j))
// where the smaller graph is padded with vertices that earn nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "aligned.hpp"
#include "noise.hpp"

namespace matching {

// Earned by a forbidden pair: so low that sums absorb whatever is added to it.
constexpr float kForbidden = -1e30f;
constexpr float kForbiddenBelow = -1e29f;

// A matrix as the caller holds it: in float32, or in float64 where float32 would round.
struct Numbers {
    const float* single = nullptr;
    const double* wide = nullptr;

    double operator[](std::size_t k) const { return wide ? wide[k] : single[k]; }
};

// What the caller hands over; the arrays outlive the call. The objective is that of the exact numbers; the searches see
// float32, so what all matchings have in common is taken off before.
struct Input {
    std::int32_t sources = 0, targets = 0;            // vertices of both graphs
    std::int32_t source_edges = 0, target_edges = 0;  // directed edges of both graphs
    Numbers vertex;                                   // (sources, targets); less than kForbiddenBelow forbids a pair
    // By vertex of both graphs, the smaller one padded: taken off every affinity of that vertex; null takes nothing off.
    const double* source_part = nullptr;
    const double* target_part = nullptr;
    double lowest = -std::numeric_limits<double>::infinity();  // what is less then is in no best matching
    const std::int32_t* source = nullptr;             // (source_edges, 2)
    const std::int32_t* target = nullptr;             // (target_edges, 2)
    const float* edge = nullptr;                      // (source_edges, target_edges), or
    const float* source_features = nullptr;           // (source_edges, features) and
    const float* target_features = nullptr;           // (target_edges, features): affinities are their products
    std::int32_t features = 0;
    Numbers exact_edge, exact_source_features, exact_target_features;  // those above before they were rounded
    double edge_part = 0;                             // was taken off exact_edge to give edge
    float vertex_noise = 0, edge_noise = 0;           // scales of Gumbel noise on both affinities
    std::uint64_t noise_seed = 0;
};

// Edges that leave (or enter) each vertex.
struct Incidence {
    struct Entry {
        std::int32_t edge, other;
    };
    std::vector<std::int32_t> offset;
    std::vector<Entry> entries;

    const Entry* begin(std::int32_t v) const { return entries.data() + offset[v]; }
    const Entry* end(std::int32_t v) const { return entries.data() + offset[v + 1]; }
};

class Problem {
public:
    explicit Problem(const Input& input);

    const Input& input;
    std::int32_t n;                // vertices of either graph after padding
    std::vector<float> vertex;     // (n, n), reduced, noise included
    Incidence leaving, entering;   // of the target graph
    float unit;                    // a typical change of the gradient: root mean square edge affinity times mean degree
    float tolerance;               // gains below it are rounding

    bool has_edges() const { return input.source_edges > 0 && input.target_edges > 0; }
    // Affinity of source edge e with target edge f.
    float edge(std::int32_t e, std::int32_t f) const {
        if (table_) return table_[static_cast<std::size_t>(e) * input.target_edges + f];
        return computed_edge(e, f);
    }
    // The target edge a -> b, or -1.
    std::int32_t target_edge(std::int32_t a, std::int32_t b) const {
        return target_edge_[static_cast<std::size_t>(a) * n + b];
    }
    // Row sums over the whole quadratic form: out[i, a] = sum over edges at i and at a of their affinities.
    std::vector<float> edge_sums() const;
    // Affinities in float64 and of the exact numbers, noise included: the caller's, or reduced as the searches see them.
    double exact_vertex(std::int32_t i, std::int32_t a, bool reduced) const;
    double exact_edge(std::int32_t e, std::int32_t f, bool reduced) const;
    // Their sums over a matching; -infinity if p uses a forbidden pair. Both order matchings alike, and `worth` loses no
    // digits to what all of them have in common.
    double objective(const std::int32_t* p) const { return sum(p, false); }
    double worth(const std::int32_t* p) const { return sum(p, true); }

private:
    float computed_edge(std::int32_t e, std::int32_t f) const;
    double sum(const std::int32_t* p, bool reduced) const;
    void add_mean_noise(std::vector<float>& sums) const;
    void fill_vertex();
    void copy_row(std::int32_t i, float* row) const;
    void reduce_row(std::int32_t i, float* row) const;
    void fill_table();
    void measure_scales();

    Gumbel vertex_noise_, edge_noise_;
    const float* table_ = nullptr;  // (source_edges, target_edges): the caller's, or own_table_
    std::vector<float> own_table_;
    std::vector<std::int32_t> target_edge_;  // (n, n)
};

}  // namespace matching
