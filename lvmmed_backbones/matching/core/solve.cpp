#include "solve.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <numeric>
#include <thread>

#include "assignment.hpp"
#include "exact.hpp"
#include "local_search.hpp"
#include "relaxation.hpp"

namespace matching {

namespace {

// Small problems are searched from end to end, large ones near their relaxation.
Tenure tenure_of(const Budget& budget, std::int32_t n) {
    float low = budget.tenure_low, high = budget.tenure_high;
    if (low < 0) {
        if (n <= 20) low = 0.9f, high = 1.1f;
        else if (n <= 128) low = 0.2f, high = 0.6f;
        else low = 0.1f, high = 0.4f;
    }
    const auto least = std::max(1, static_cast<std::int32_t>(low * static_cast<float>(n)));
    return {least, std::max(least + 1, static_cast<std::int32_t>(high * static_cast<float>(n)))};
}

std::vector<std::int32_t> shuffled(std::int32_t n, std::uint64_t seed) {
    std::vector<std::int32_t> p(n);
    std::iota(p.begin(), p.end(), 0);
    Random random(seed);
    for (std::int32_t i = n - 1; i > 0; --i) std::swap(p[i], p[random.below(i + 1)]);
    return p;
}

void search(const Problem& problem, LinearAssignment<float>& assignment, const Budget& budget, std::uint64_t seed,
            Incumbent& best) {
    const std::int32_t n = problem.n;
    const std::vector<std::int32_t> linear = best.p;
    Relaxation relaxation(problem, assignment);
    LocalSearch local(problem);
    const auto moves = std::min(std::int64_t{budget.moves}, std::int64_t{budget.moves_per_vertex} * n);
    for (std::int32_t s = 0; s < budget.starts; ++s) {
        // Relaxations differ in where they start and in how concave they are there.
        constexpr float kConcavity[] = {1.f, 3.f, 0.3f};
        const Path path{budget.steps, budget.concavity * kConcavity[s % 3]};
        std::vector<std::int32_t> start;
        if (s == 1) start = linear;
        else if (s > 1) start = shuffled(n, hash(seed, s, 2));
        Incumbent here;
        relaxation.follow(path, start.empty() ? nullptr : start.data(), here);
        if (here.p.empty()) here = best;
        local.start(here);
        local.descend(here);
        if (moves > 0) {
            local.start(here);
            local.tabu(moves, tenure_of(budget, n), hash(seed, s, 3), here);
        }
        best.offer(here.p.data(), n, problem.worth(here.p.data()));
    }
}

}  // namespace

Solution solve(const Input& input, const Budget& budget, std::uint64_t seed) {
    const Problem problem(input);
    LinearAssignment<float> assignment(problem.n);
    std::vector<std::int32_t> p(problem.n);
    assignment.maximise(problem.vertex.data(), 0, p.data());
    Incumbent best;
    best.offer(p.data(), problem.n, problem.worth(p.data()));
    if (problem.has_edges() && best.objective > kForbidden) {
        if (problem.n <= budget.exact) search_exhaustively(problem, best);
        else search(problem, assignment, budget, seed, best);
    }
    Solution solution{best.p, problem.objective(best.p.data())};
    solution.target.resize(input.sources);
    for (std::int32_t& target : solution.target)
        if (target >= input.targets) target = -1;
    return solution;
}

std::vector<Solution> solve_all(const std::vector<Input>& inputs, const Budget& budget,
                                const std::vector<std::uint64_t>& seeds, std::int32_t threads) {
    std::vector<Solution> solutions(inputs.size());
    std::vector<std::exception_ptr> failures(inputs.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t k; (k = next++) < inputs.size();) {
            try {
                solutions[k] = solve(inputs[k], budget, seeds[k]);
            } catch (...) {
                failures[k] = std::current_exception();
            }
        }
    };
    std::vector<std::thread> others;
    const auto wanted = std::min(static_cast<std::size_t>(std::max(threads, 1)), inputs.size());
    for (std::size_t t = 1; t < wanted; ++t) others.emplace_back(work);
    work();
    for (std::thread& thread : others) thread.join();
    for (const std::exception_ptr& failure : failures)
        if (failure) std::rethrow_exception(failure);
    return solutions;
}

}  // namespace matching
