// Small random problems of every kind through the solver, under the sanitizers: `tox -e sanitize`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "assignment.hpp"
#include "shares.hpp"
#include "solve.hpp"
#include "survey.hpp"

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

// Float64 prices of an assignment: no pair is worth more than its row and column.
void check_prices(int round, Random& random) {
    const std::int32_t n = 1 + random.below(20);
    std::vector<double> profit(static_cast<std::size_t>(n) * n);
    for (double& x : profit) x = random.below(3) ? number(random, 1.f) : number(random, 1e9f);
    LinearAssignment<double> assignment(n);
    std::vector<std::int32_t> p(n);
    assignment.maximise(profit.data(), 0, p.data());
    for (std::int32_t i = 0; i < n; ++i) {
        const double* row = profit.data() + static_cast<std::size_t>(i) * n;
        const double mine = row[p[i]] - assignment.prices()[p[i]];
        for (std::int32_t j = 0; j < n; ++j)
            check(row[j] - assignment.prices()[j] <= mine + 1e-4, round, "every row has its best place at these prices");
    }
    const Survey seen = survey(profit.data(), profit.size(), -1e30);
    check(seen.low == *std::min_element(profit.begin(), profit.end()), round, "the survey finds the least");
    check(seen.high == *std::max_element(profit.begin(), profit.end()), round, "the survey finds the largest");
    check(first_invalid(profit.data(), profit.size(), 1e12, -1e30) == -1, round, "all values are valid");
    const std::int32_t at = random.below(n * n);
    profit[at] = std::numeric_limits<double>::quiet_NaN();
    check(first_invalid(profit.data(), profit.size(), 1e12, -1e30) == at, round, "the NaN is found");
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
    const std::vector<double> wide(vertex.begin(), vertex.end());
    if (random.below(2)) input.vertex.single = vertex.data();
    else input.vertex.wide = wide.data();
    const std::int32_t n = std::max(input.sources, input.targets);
    std::vector<double> source_part(n), target_part(n);
    if (random.below(2)) {
        for (double& x : source_part) x = number(random, scale);
        for (double& x : target_part) x = number(random, scale);
        input.source_part = source_part.data();
        input.target_part = target_part.data();
        if (random.below(2)) input.lowest = -2 * scale;
    }
    input.source = source.data();
    input.target = target.data();
    input.source_edges = static_cast<std::int32_t>(source.size() / 2);
    input.target_edges = static_cast<std::int32_t>(target.size() / 2);
    std::vector<float> edge, source_features, target_features;
    std::vector<double> exact_edge;
    if (random.below(2)) {
        edge.resize(static_cast<std::size_t>(input.source_edges) * input.target_edges);
        for (float& x : edge) x = number(random, scale);
        input.edge = edge.data();
        input.edge_part = random.below(2) ? number(random, scale) : 0.f;
        for (const float x : edge) exact_edge.push_back(x + input.edge_part);
        input.exact_edge.wide = exact_edge.data();
    } else {
        input.features = random.below(20);
        source_features.resize(static_cast<std::size_t>(input.source_edges) * input.features);
        target_features.resize(static_cast<std::size_t>(input.target_edges) * input.features);
        const float root = std::sqrt(scale) / 5.f;
        for (float& x : source_features) x = number(random, root);
        for (float& x : target_features) x = number(random, root);
        input.source_features = input.exact_source_features.single = source_features.data();
        input.target_features = input.exact_target_features.single = target_features.data();
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
    const Graphs graphs{input.sources, input.targets,       input.source,
                        input.target,  input.source_edges, input.target_edges};
    const Shares shares = matching::shares(graphs, solution.target.data(), 1, 4);
    for (std::int32_t i = 0; i < input.sources; ++i)
        for (std::int32_t a = 0; a < input.targets; ++a) {
            const float share = shares.vertex[static_cast<std::size_t>(i) * input.targets + a];
            check(share == (solution.target[i] == a ? 1.f : 0.f), round, "the shares are those of the matching");
        }
    for (std::int32_t e = 0; e < input.source_edges; ++e)
        for (std::int32_t f = 0; f < input.target_edges; ++f) {
            const bool carried = solution.target[input.source[2 * e]] == input.target[2 * f] &&
                                 solution.target[input.source[2 * e + 1]] == input.target[2 * f + 1];
            const float share = shares.edge[static_cast<std::size_t>(e) * input.target_edges + f];
            check(share == (carried ? 1.f : 0.f), round, "an edge is carried where both its ends are");
        }
    if (round % 16 == 0) {
        const auto again = solve_all({input, input, input}, budget, {7, 8, 7}, 3);
        check(again[0].target == again[2].target && again[0].objective == again[2].objective, round, "it repeats");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 10000;
    for (int round = 0; round < rounds; ++round) {
        play(round);
        Random random(static_cast<std::uint64_t>(round) + 2);
        check_prices(round, random);
    }
    std::printf("%d problems: each a matching, no error found\n", rounds);
}
