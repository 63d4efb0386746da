// In how many of several matchings pairs are matched.
#pragma once

#include <cstdint>
#include <vector>

namespace matching {

struct Graphs {
    std::int32_t sources, targets;             // vertices
    const std::int32_t *source, *target;       // edges (E, 2)
    std::int32_t source_edges, target_edges;   // number of edges
};

struct Shares {
    std::vector<float> vertex;  // (sources, targets)
    std::vector<float> edge;    // (source_edges, target_edges)
};

// The shares of `samples` matchings in which vertices and edges are matched. `matchings` has the target of each source,
// or -1, for each sample; or one row if all samples have the same matching.
Shares shares(const Graphs& graphs, const std::int32_t* matchings, std::int32_t rows, std::int32_t samples);

}  // namespace matching
