// The Python module `lvmmed_backbones.matching._core`. Its callers have checked shapes and types.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>

#include "noise.hpp"
#include "solve.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Owned = nb::ndarray<nb::numpy, T>;

template <class T>
Owned<T> to_numpy(std::vector<T> values, std::initializer_list<std::size_t> shape) {
    auto* data = new std::vector<T>(std::move(values));
    nb::capsule owner(data, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return Owned<T>(data->data(), shape, owner);
}

matching::Input input_of(nb::handle problem) {
    const auto matrix = [&](const char* name) { return nb::cast<Matrix<float>>(problem.attr(name)); };
    const auto edges = [&](const char* name) { return nb::cast<Matrix<std::int32_t>>(problem.attr(name)); };
    matching::Input input;
    const auto vertex = matrix("vertex");
    const auto source = edges("source_edges"), target = edges("target_edges");
    input.sources = static_cast<std::int32_t>(vertex.shape(0));
    input.targets = static_cast<std::int32_t>(vertex.shape(1));
    input.source_edges = static_cast<std::int32_t>(source.shape(0));
    input.target_edges = static_cast<std::int32_t>(target.shape(0));
    input.vertex = vertex.data();
    input.source = source.data();
    input.target = target.data();
    if (!problem.attr("edge").is_none()) {
        input.edge = matrix("edge").data();
    } else {
        const auto features = matrix("source_features");
        input.source_features = features.data();
        input.target_features = matrix("target_features").data();
        input.features = static_cast<std::int32_t>(features.shape(1));
    }
    input.vertex_noise = nb::cast<float>(problem.attr("vertex_noise"));
    input.edge_noise = nb::cast<float>(problem.attr("edge_noise"));
    input.noise_seed = nb::cast<std::uint64_t>(problem.attr("noise_seed"));
    return input;
}

matching::Budget budget_of(nb::handle budget) {
    matching::Budget result;
    result.exact = nb::cast<std::int32_t>(budget.attr("exact"));
    result.starts = nb::cast<std::int32_t>(budget.attr("starts"));
    result.steps = nb::cast<std::int32_t>(budget.attr("steps"));
    result.concavity = nb::cast<float>(budget.attr("concavity"));
    result.moves = nb::cast<std::int32_t>(budget.attr("moves"));
    result.moves_per_vertex = nb::cast<std::int32_t>(budget.attr("moves_per_vertex"));
    result.tenure_low = result.tenure_high = -1;
    if (!budget.attr("tenure").is_none()) {
        result.tenure_low = nb::cast<float>(budget.attr("tenure")[nb::int_(0)]);
        result.tenure_high = nb::cast<float>(budget.attr("tenure")[nb::int_(1)]);
    }
    return result;
}

nb::list solve_all(nb::sequence problems, nb::handle budget, const std::vector<std::uint64_t>& seeds,
                   std::int32_t threads) {
    std::vector<matching::Input> inputs;
    for (nb::handle problem : problems) inputs.push_back(input_of(problem));
    const matching::Budget limits = budget_of(budget);
    std::vector<matching::Solution> solutions;
    {
        nb::gil_scoped_release release;
        solutions = matching::solve_all(inputs, limits, seeds, threads);
    }
    nb::list result;
    for (matching::Solution& solution : solutions) {
        const std::size_t size = solution.target.size();
        result.append(nb::make_tuple(to_numpy(std::move(solution.target), {size}), solution.objective));
    }
    return result;
}

Owned<float> gumbel(std::int32_t rows, std::int32_t columns, std::uint64_t seed) {
    std::vector<float> values(static_cast<std::size_t>(rows) * columns, 0.f);
    const matching::Gumbel noise(seed);
    for (std::int32_t i = 0; i < rows; ++i)
        noise.add(i, 1.f, values.data() + static_cast<std::size_t>(i) * columns, columns);
    return to_numpy(std::move(values), {static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)});
}

// The flat index of the first value that is NaN or above `limit` in magnitude (-inf passes if allowed), or -1. By bits:
// it holds whatever the compiler assumes of floating point.
std::int64_t first_invalid(Matrix<float> values, float limit, bool allow_minus_infinity) {
    constexpr std::uint32_t kMinusInfinity = 0xFF800000u;
    std::uint32_t most;
    std::memcpy(&most, &limit, sizeof most);
    const float* data = values.data();
    const auto count = static_cast<std::int64_t>(values.size());
    const auto invalid = [&](std::int64_t k) {
        std::uint32_t bits;
        std::memcpy(&bits, data + k, sizeof bits);
        return (bits & 0x7FFFFFFFu) > most && !(allow_minus_infinity && bits == kMinusInfinity);
    };
    constexpr std::int64_t kBlock = 4096;
    for (std::int64_t start = 0; start < count; start += kBlock) {
        const std::int64_t end = std::min(start + kBlock, count);
        bool any = false;
        for (std::int64_t k = start; k < end; ++k) any |= invalid(k);
        for (std::int64_t k = start; any && k < end; ++k)
            if (invalid(k)) return k;
    }
    return -1;
}

}  // namespace

NB_MODULE(_core, module) {
    module.def("solve_all", &solve_all, "problems"_a, "budget"_a, "seeds"_a, "threads"_a);
    module.def("gumbel", &gumbel, "rows"_a, "columns"_a, "seed"_a);
    module.def("first_invalid", &first_invalid, "values"_a, "limit"_a, "allow_minus_infinity"_a);
}
