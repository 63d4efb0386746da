// One problem, or many on threads: linear assignment, then relaxations, descents and tabu search within a budget.
#pragma once

#include <cstdint>
#include <vector>

#include "problem.hpp"

namespace matching {

// Iterations, never wall-clock, so that results repeat.
struct Budget {
    std::int32_t exact;        // problems of up to so many vertices are searched exhaustively
    std::int32_t starts;       // relaxations followed
    std::int32_t steps;        // Frank-Wolfe steps of each
    float concavity;           // -zeta of their first step, in units of Problem::unit; it falls to 0
    std::int32_t moves, moves_per_vertex;  // tabu moves after each relaxation: the lesser of both
    float tenure_low, tenure_high;  // per vertex; negative: by the size of the problem
};

struct Solution {
    std::vector<std::int32_t> target;  // (sources,): matched target vertex, or -1
    double objective;                  // in float64; -infinity if every matching uses a forbidden pair
};

Solution solve(const Input& input, const Budget& budget, std::uint64_t seed);

// Problems are solved by `threads` threads, each by one, so that the number of threads changes no result.
std::vector<Solution> solve_all(const std::vector<Input>& inputs, const Budget& budget,
                                const std::vector<std::uint64_t>& seeds, std::int32_t threads);

}  // namespace matching
