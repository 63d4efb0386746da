// The Python module `lvmmed_backbones.matching._core`. Its callers have checked shapes and types.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include "assignment.hpp"
#include "noise.hpp"
#include "shares.hpp"
#include "solve.hpp"
#include "survey.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Owned = nb::ndarray<nb::numpy, T>;

template <class T>
Owned<T> to_numpy(std::vector<T> values, std::initializer_list<std::size_t> shape) {
    auto* data = new std::vector<T>(std::move(values));
    nb::capsule owner(data, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return Owned<T>(data->data(), shape, owner);
}

using Exact = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;  // of float or of double

matching::Numbers numbers_of(const Exact& matrix) {
    matching::Numbers numbers;
    if (matrix.dtype() == nb::dtype<double>()) numbers.wide = static_cast<const double*>(matrix.data());
    else numbers.single = static_cast<const float*>(matrix.data());
    return numbers;
}

matching::Input input_of(nb::handle problem) {
    const auto exact = [&](const char* name) { return nb::cast<Exact>(problem.attr(name)); };
    const auto rounded = [&](const char* name) { return nb::cast<Matrix<float>>(problem.attr(name)); };
    const auto edges = [&](const char* name) { return nb::cast<Matrix<std::int32_t>>(problem.attr(name)); };
    matching::Input input;
    const auto vertex = exact("vertex");
    const auto source = edges("source_edges"), target = edges("target_edges");
    input.sources = static_cast<std::int32_t>(vertex.shape(0));
    input.targets = static_cast<std::int32_t>(vertex.shape(1));
    input.source_edges = static_cast<std::int32_t>(source.shape(0));
    input.target_edges = static_cast<std::int32_t>(target.shape(0));
    input.vertex = numbers_of(vertex);
    input.source = source.data();
    input.target = target.data();
    if (const nb::object reduction = problem.attr("_reduction"); !reduction.is_none()) {
        input.source_part = nb::cast<Vector>(reduction.attr("source")).data();
        input.target_part = nb::cast<Vector>(reduction.attr("target")).data();
        input.lowest = nb::cast<double>(reduction.attr("lowest"));
    }
    if (const nb::object edge = problem.attr("edge"); !edge.is_none()) {
        input.edge = input.exact_edge.single = rounded("_edge").data();
        if (!edge.is(problem.attr("_edge"))) input.exact_edge = numbers_of(nb::cast<Exact>(edge));
        input.edge_part = nb::cast<double>(problem.attr("_edge_part"));
    } else {
        const auto features = rounded("_source_features");
        input.source_features = features.data();
        input.target_features = rounded("_target_features").data();
        input.exact_source_features = numbers_of(exact("source_features"));
        input.exact_target_features = numbers_of(exact("target_features"));
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

nb::tuple shares(Matrix<std::int32_t> matchings, std::int32_t samples, std::int32_t targets,
                 Matrix<std::int32_t> source_edges, Matrix<std::int32_t> target_edges) {
    const auto size = [](const auto& matrix, std::size_t dim) { return static_cast<std::int32_t>(matrix.shape(dim)); };
    const matching::Graphs graphs{size(matchings, 1),  targets,
                                  source_edges.data(), target_edges.data(),
                                  size(source_edges, 0), size(target_edges, 0)};
    matching::Shares found;
    {
        nb::gil_scoped_release release;
        found = matching::shares(graphs, matchings.data(), size(matchings, 0), samples);
    }
    return nb::make_tuple(to_numpy(std::move(found.vertex), {matchings.shape(1), static_cast<std::size_t>(targets)}),
                          to_numpy(std::move(found.edge), {source_edges.shape(0), target_edges.shape(0)}));
}

Owned<float> gumbel(std::int32_t rows, std::int32_t columns, std::uint64_t seed) {
    std::vector<float> values(static_cast<std::size_t>(rows) * columns, 0.f);
    const matching::Gumbel noise(seed);
    for (std::int32_t i = 0; i < rows; ++i)
        noise.add(i, 1.f, values.data() + static_cast<std::size_t>(i) * columns, columns);
    return to_numpy(std::move(values), {static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)});
}

template <class T>
std::int64_t first_invalid(Matrix<T> values, double limit, double forbidding) {
    return matching::first_invalid(values.data(), values.size(), limit, forbidding);
}

template <class T>
nb::tuple survey(Matrix<T> values, double forbidding) {
    const matching::Survey seen = matching::survey(values.data(), values.size(), forbidding);
    return nb::make_tuple(seen.low, seen.high, seen.far_below, seen.far_above);
}

// The best assignment of an (n, n) matrix, exactly and in float64, and the columns' prices, under which every row's place
// is its best.
nb::tuple assign(Matrix<double> profit) {
    const std::size_t n = profit.shape(0);
    matching::LinearAssignment<double> assignment(static_cast<std::int32_t>(n));
    std::vector<std::int32_t> p(n);
    assignment.maximise(profit.data(), 0, p.data());
    return nb::make_tuple(to_numpy(std::move(p), {n}), to_numpy(std::vector<double>(assignment.prices()), {n}));
}

}  // namespace

NB_MODULE(_core, module) {
    module.def("solve_all", &solve_all, "problems"_a, "budget"_a, "seeds"_a, "threads"_a);
    module.def("shares", &shares, "matchings"_a, "samples"_a, "targets"_a, "source_edges"_a, "target_edges"_a);
    module.def("gumbel", &gumbel, "rows"_a, "columns"_a, "seed"_a);
    module.def("assign", &assign, "profit"_a);
    module.def("survey", &survey<float>, "values"_a, "forbidding"_a);
    module.def("survey", &survey<double>, "values"_a, "forbidding"_a);
    module.def("first_invalid", &first_invalid<float>, "values"_a, "limit"_a, "forbidding"_a);
    module.def("first_invalid", &first_invalid<double>, "values"_a, "limit"_a, "forbidding"_a);
}
