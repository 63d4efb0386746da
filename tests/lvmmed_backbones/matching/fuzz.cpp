// Small random problems of every kind through the solver, under the sanitizers: `tox -e sanitize`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "solve.hpp"

using namespace matching;

namespace {

std::vector<std::int32_t> random_edges(Random& random, std::int32_t vertices, std::int32_t density) {
    std::vector<std::int32_t> edges;
    for (std::int32_t i = 0; i < vertices; ++i)
        for (std::int32_t j = 0; j < vertices; ++j)
            if (i != j && random.below(100) < density) {
                edges.push_back(i);
                edges.push_back(j);
            }
    return edges;
}

float number(Random& random, float scale) { return scale * (static_cast<float>(random.below(2001)) / 1000.f - 1.f); }

void check(bool holds, int round, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "round %d: %s\n", round, what);
    std::exit(1);
}

void play(int round) {
    Random random(static_cast<std::uint64_t>(round) + 1);
    Input input;
    const std::int32_t largest = round % 10 == 0 ? 40 : 18;  // beyond one vector, and beyond two
    input.sources = 1 + random.below(largest);
    input.targets = 1 + random.below(largest);
    const float scales[] = {0.f, 1e-12f, 1.f, 1e12f};
    const float scale = scales[random.below(4)];
    std::vector<float> vertex(static_cast<std::size_t>(input.sources) * input.targets);
    const std::int32_t forbidden = random.below(3) == 0 ? random.below(100) : 0;
    for (float& x : vertex)
        x = random.below(100) < forbidden ? -std::numeric_limits<float>::infinity() : number(random, scale);
    const auto source = random_edges(random, input.sources, random.below(101));
    const auto target = random_edges(random, input.targets, random.below(101));
    input.vertex = vertex.data();
    input.source = source.data();
    input.target = target.data();
    input.source_edges = static_cast<std::int32_t>(source.size() / 2);
    input.target_edges = static_cast<std::int32_t>(target.size() / 2);
    std::vector<float> edge, source_features, target_features;
    if (random.below(2)) {
        edge.resize(static_cast<std::size_t>(input.source_edges) * input.target_edges);
        for (float& x : edge) x = number(random, scale);
        input.edge = edge.data();
    } else {
        input.features = random.below(20);
        source_features.resize(static_cast<std::size_t>(input.source_edges) * input.features);
        target_features.resize(static_cast<std::size_t>(input.target_edges) * input.features);
        const float root = std::sqrt(scale) / 5.f;
        for (float& x : source_features) x = number(random, root);
        for (float& x : target_features) x = number(random, root);
        input.source_features = source_features.data();
        input.target_features = target_features.data();
    }
    if (random.below(2)) {
        input.vertex_noise = number(random, scale) + scale;
        input.edge_noise = number(random, scale) + scale;
        input.noise_seed = static_cast<std::uint64_t>(round);
    }
    Budget budget{};
    budget.exact = random.below(8);
    budget.starts = 1 + random.below(3);
    budget.steps = 1 + random.below(20);
    budget.concavity = static_cast<float>(random.below(3));
    budget.moves = random.below(200);
    budget.moves_per_vertex = random.below(40);
    budget.tenure_low = random.below(2) ? -1.f : 0.1f;
    budget.tenure_high = 2.f;
    const Solution solution = solve(input, budget, static_cast<std::uint64_t>(round));

    check(static_cast<std::int32_t>(solution.target.size()) == input.sources, round, "a target for each source");
    std::vector<char> taken(input.targets);
    std::int32_t matched = 0;
    bool allowed = true;
    for (std::int32_t i = 0; i < input.sources; ++i) {
        const std::int32_t a = solution.target[i];
        if (a < 0) continue;
        check(a < input.targets && !taken[a], round, "targets are taken once");
        taken[a] = 1;
        ++matched;
        allowed = allowed && !std::isinf(vertex[static_cast<std::size_t>(i) * input.targets + a]);
    }
    check(matched == std::min(input.sources, input.targets), round, "the smaller side is matched");
    check(allowed == std::isfinite(solution.objective), round, "minus infinity tells that no matching is allowed");
    if (round % 16 == 0) {
        const auto again = solve_all({input, input, input}, budget, {7, 8, 7}, 3);
        check(again[0].target == again[2].target && again[0].objective == again[2].objective, round, "it repeats");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 10000;
    for (int round = 0; round < rounds; ++round) play(round);
    std::printf("%d problems: each a matching, no error found\n", rounds);
}
