#include "shares.hpp"

#include <algorithm>
#include <utility>

namespace matching {

Shares shares(const Graphs& graphs, const std::int32_t* matchings, std::int32_t rows, std::int32_t samples) {
    using Size = std::size_t;
    const auto code = [&](std::int64_t a, std::int64_t b) { return a * graphs.targets + b; };
    std::vector<std::pair<std::int64_t, std::int32_t>> edges;  // of the target, sorted for the search
    edges.reserve(graphs.target_edges);
    for (std::int32_t f = 0; f < graphs.target_edges; ++f)
        edges.emplace_back(code(graphs.target[2 * f], graphs.target[2 * f + 1]), f);
    std::sort(edges.begin(), edges.end());

    Shares result;
    result.vertex.assign(static_cast<Size>(graphs.sources) * graphs.targets, 0.f);
    result.edge.assign(static_cast<Size>(graphs.source_edges) * graphs.target_edges, 0.f);
    // Added sample by sample, so that the rounding does not depend on how many rows stand for them.
    const float each = 1.f / static_cast<float>(samples);
    const std::int32_t times = samples / rows;
    const auto count = [&](float& share) {
        for (std::int32_t k = 0; k < times; ++k) share += each;
    };
    for (std::int32_t row = 0; row < rows; ++row) {
        const std::int32_t* matched = matchings + static_cast<Size>(row) * graphs.sources;
        for (std::int32_t i = 0; i < graphs.sources; ++i)
            if (matched[i] >= 0) count(result.vertex[static_cast<Size>(i) * graphs.targets + matched[i]]);
        for (std::int32_t e = 0; e < graphs.source_edges; ++e) {
            const std::int32_t a = matched[graphs.source[2 * e]], b = matched[graphs.source[2 * e + 1]];
            if (a < 0 || b < 0) continue;
            const std::pair<std::int64_t, std::int32_t> wanted(code(a, b), 0);
            const auto at = std::lower_bound(edges.begin(), edges.end(), wanted);
            if (at != edges.end() && at->first == wanted.first)
                count(result.edge[static_cast<Size>(e) * graphs.target_edges + at->second]);
        }
    }
    return result;
}

}  // namespace matching
