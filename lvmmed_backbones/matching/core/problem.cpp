#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dispatch.hpp"

namespace matching {

namespace {

// Up to this many edge affinities (16 MB) are computed once: in vectors that is cheaper than one by one on demand.
constexpr std::size_t kTableLimit = std::size_t{1} << 22;
constexpr std::uint64_t kEdgeStream = 0x65646765;  // separates the noise of edges from that of vertices

DISPATCH float dot(const float* a, const float* b, std::int32_t count) {
    float sum = 0;
    for (std::int32_t d = 0; d < count; ++d) sum += a[d] * b[d];
    return sum;
}

// out[f] = a . b[f] for `rows` rows b of `count` numbers, four at a time.
DISPATCH void dots(const float* a, const float* b, float* out, std::int32_t rows, std::int32_t count) {
    std::int32_t f = 0;
    for (; f + 4 <= rows; f += 4) {
        const float* r = b + static_cast<std::size_t>(f) * count;
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (std::int32_t d = 0; d < count; ++d) {
            s0 += a[d] * r[d];
            s1 += a[d] * r[count + d];
            s2 += a[d] * r[2 * count + d];
            s3 += a[d] * r[3 * count + d];
        }
        out[f] = s0;
        out[f + 1] = s1;
        out[f + 2] = s2;
        out[f + 3] = s3;
    }
    for (; f < rows; ++f) {
        const float* r = b + static_cast<std::size_t>(f) * count;
        float sum = 0;
        for (std::int32_t d = 0; d < count; ++d) sum += a[d] * r[d];
        out[f] = sum;
    }
}

DISPATCH double squares(const float* a, std::int32_t count) {
    float sum = 0;
    for (std::int32_t j = 0; j < count; ++j) sum += a[j] * a[j];
    return sum;
}

Incidence incidence(const std::int32_t* edges, std::int32_t count, std::int32_t vertices, bool leaving) {
    Incidence result;
    result.offset.assign(vertices + 1, 0);
    result.entries.resize(count);
    const int here = leaving ? 0 : 1;
    for (std::int32_t e = 0; e < count; ++e) ++result.offset[edges[2 * e + here] + 1];
    for (std::int32_t v = 0; v < vertices; ++v) result.offset[v + 1] += result.offset[v];
    std::vector<std::int32_t> next(result.offset.begin(), result.offset.end() - 1);
    for (std::int32_t e = 0; e < count; ++e)
        result.entries[next[edges[2 * e + here]]++] = {e, edges[2 * e + 1 - here]};
    return result;
}

}  // namespace

Problem::Problem(const Input& in)
    : input(in), n(std::max(in.sources, in.targets)), vertex(static_cast<std::size_t>(n) * n, 0.f),
      leaving(incidence(in.target, in.target_edges, n, true)),
      entering(incidence(in.target, in.target_edges, n, false)), unit(0), tolerance(0),
      vertex_noise_(in.noise_seed),
      edge_noise_(in.noise_seed ^ kEdgeStream), target_edge_(static_cast<std::size_t>(n) * n, -1) {
    for (std::int32_t f = 0; f < in.target_edges; ++f)
        target_edge_[static_cast<std::size_t>(in.target[2 * f]) * n + in.target[2 * f + 1]] = f;
    fill_vertex();
    fill_table();
    measure_scales();
}

void Problem::fill_vertex() {
    for (std::int32_t i = 0; i < n; ++i) {
        float* row = vertex.data() + static_cast<std::size_t>(i) * n;
        if (input.source_part) reduce_row(i, row);
        else if (i < input.sources) copy_row(i, row);
        if (i < input.sources && input.vertex_noise != 0) vertex_noise_.add(i, input.vertex_noise, row, input.targets);
        for (std::int32_t a = 0; a < n; ++a) row[a] = std::max(row[a], kForbidden);
    }
}

void Problem::copy_row(std::int32_t i, float* row) const {
    const std::size_t at = static_cast<std::size_t>(i) * input.targets;
    if (input.vertex.single) std::copy_n(input.vertex.single + at, input.targets, row);
    else
        for (std::int32_t a = 0; a < input.targets; ++a)
            row[a] = static_cast<float>(std::max(input.vertex.wide[at + a], double{kForbidden}));
}

// Noise comes later, to float32, as it does without a reduction.
void Problem::reduce_row(std::int32_t i, float* row) const {
    for (std::int32_t a = 0; a < n; ++a) {
        const bool real = i < input.sources && a < input.targets;
        const double x = real ? input.vertex[static_cast<std::size_t>(i) * input.targets + a] : 0.0;
        const double reduced = x - input.source_part[i] - input.target_part[a];
        row[a] = x < kForbiddenBelow || reduced < input.lowest ? kForbidden : static_cast<float>(reduced);
    }
}

double Problem::exact_vertex(std::int32_t i, std::int32_t a, bool reduced) const {
    const bool real = i < input.sources && a < input.targets;  // not padding
    double x = real ? input.vertex[static_cast<std::size_t>(i) * input.targets + a] : 0.0;
    if (x < kForbiddenBelow) return kForbidden;
    if (reduced && input.source_part) x = x - input.source_part[i] - input.target_part[a];
    return real && input.vertex_noise != 0 ? x + double{input.vertex_noise} * vertex_noise_.at(i, a) : x;
}

void Problem::fill_table() {
    const std::size_t size = static_cast<std::size_t>(input.source_edges) * input.target_edges;
    if (input.edge && input.edge_noise == 0) {
        table_ = input.edge;
        return;
    }
    if (size > kTableLimit) return;
    own_table_.resize(size);
    for (std::int32_t e = 0; e < input.source_edges; ++e) {
        float* row = own_table_.data() + static_cast<std::size_t>(e) * input.target_edges;
        if (input.edge)
            std::copy_n(input.edge + static_cast<std::size_t>(e) * input.target_edges, input.target_edges, row);
        else
            dots(input.source_features + static_cast<std::size_t>(e) * input.features, input.target_features, row,
                 input.target_edges, input.features);
        if (input.edge_noise != 0) edge_noise_.add(e, input.edge_noise, row, input.target_edges);
    }
    table_ = own_table_.data();
}

float Problem::computed_edge(std::int32_t e, std::int32_t f) const {
    float value;
    if (input.edge)
        value = input.edge[static_cast<std::size_t>(e) * input.target_edges + f];
    else
        value = dot(input.source_features + static_cast<std::size_t>(e) * input.features,
                    input.target_features + static_cast<std::size_t>(f) * input.features, input.features);
    if (input.edge_noise != 0) value += input.edge_noise * edge_noise_.at(e, f);
    return value;
}

void Problem::measure_scales() {
    float largest = 0;
    for (const float x : vertex)
        if (x > kForbiddenBelow) largest = std::max(largest, std::abs(x));
    if (has_edges()) {
        const std::size_t size = static_cast<std::size_t>(input.source_edges) * input.target_edges;
        double sum = 0, count = 0;
        if (size <= kTableLimit && table_) {
            for (std::int32_t e = 0; e < input.source_edges; ++e)
                sum += squares(table_ + static_cast<std::size_t>(e) * input.target_edges, input.target_edges);
            count = static_cast<double>(size);
        } else {
            Random random(1);
            for (; count < 16384; ++count) {
                const float x = edge(random.below(input.source_edges), random.below(input.target_edges));
                sum += static_cast<double>(x) * x;
            }
        }
        const double degree = std::sqrt(static_cast<double>(input.source_edges) * input.target_edges) / n;
        unit = static_cast<float>(std::sqrt(sum / count) * degree);
    }
    tolerance = 1e-6f * (largest + unit);
}

std::vector<float> Problem::edge_sums() const {
    const std::size_t width = static_cast<std::size_t>(n);
    std::vector<float> out(width * width, 0.f);
    const auto add_row = [&](std::int32_t e, const float* row) {
        float* from = out.data() + input.source[2 * e] * width;
        float* to = out.data() + input.source[2 * e + 1] * width;
        for (std::int32_t f = 0; f < input.target_edges; ++f) {
            from[input.target[2 * f]] += row[f];
            to[input.target[2 * f + 1]] += row[f];
        }
    };
    if (!table_ && input.edge_noise != 0) add_mean_noise(out);
    if (const float* table = table_ ? table_ : input.edge) {
        for (std::int32_t e = 0; e < input.source_edges; ++e)
            add_row(e, table + static_cast<std::size_t>(e) * input.target_edges);
        return out;
    }
    // The products of sums of features are the sums of their products.
    const std::size_t features = input.features;
    const auto sums = [&](const std::int32_t* edges, std::int32_t count, const float* values, int end) {
        std::vector<float> result(width * features, 0.f);
        for (std::int32_t e = 0; e < count; ++e) {
            float* sum = result.data() + edges[2 * e + end] * features;
            const float* row = values + static_cast<std::size_t>(e) * features;
            for (std::size_t d = 0; d < features; ++d) sum[d] += row[d];
        }
        return result;
    };
    std::vector<float> row(width);
    for (const int end : {0, 1}) {
        const auto a = sums(input.source, input.source_edges, input.source_features, end);
        const auto b = sums(input.target, input.target_edges, input.target_features, end);
        for (std::size_t i = 0; i < width; ++i) {
            dots(a.data() + i * features, b.data(), row.data(), n, input.features);
            for (std::size_t c = 0; c < width; ++c) out[i * width + c] += row[c];
        }
    }
    return out;
}

// Noise that is too large to store enters the sums by its mean, Euler's constant.
void Problem::add_mean_noise(std::vector<float>& sums) const {
    const float mean = 0.57721566f * input.edge_noise;
    for (const int end : {0, 1}) {
        std::vector<float> source(n, 0.f), target(n, 0.f);
        for (std::int32_t e = 0; e < input.source_edges; ++e) ++source[input.source[2 * e + end]];
        for (std::int32_t f = 0; f < input.target_edges; ++f) ++target[input.target[2 * f + end]];
        for (std::int32_t i = 0; i < n; ++i)
            for (std::int32_t a = 0; a < n; ++a)
                sums[static_cast<std::size_t>(i) * n + a] += mean * source[i] * target[a];
    }
}

double Problem::exact_edge(std::int32_t e, std::int32_t f, bool reduced) const {
    double value = 0;
    if (input.edge) {
        value = input.exact_edge[static_cast<std::size_t>(e) * input.target_edges + f];
        if (reduced) value -= input.edge_part;
    } else {
        const std::size_t a = static_cast<std::size_t>(e) * input.features;
        const std::size_t b = static_cast<std::size_t>(f) * input.features;
        for (std::int32_t d = 0; d < input.features; ++d)
            value += input.exact_source_features[a + d] * input.exact_target_features[b + d];
    }
    if (input.edge_noise != 0) value += static_cast<double>(input.edge_noise) * edge_noise_.at(e, f);
    return value;
}

double Problem::sum(const std::int32_t* p, bool reduced) const {
    double sum = 0;
    for (std::int32_t i = 0; i < n; ++i) {
        const double x = exact_vertex(i, p[i], reduced);
        if (x < kForbiddenBelow) return -std::numeric_limits<double>::infinity();
        sum += x;
    }
    for (std::int32_t e = 0; e < input.source_edges; ++e) {
        const std::int32_t f = target_edge(p[input.source[2 * e]], p[input.source[2 * e + 1]]);
        if (f >= 0) sum += exact_edge(e, f, reduced);
    }
    return sum;
}

}  // namespace matching
