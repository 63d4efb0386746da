#include "exact.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace matching {

namespace {

// Vertices are placed in order of their numbers. Row i is worth at most bound_[i] whatever the places of earlier rows,
// so that a branch whose value and remaining bounds do not beat the incumbent is cut.
class Search {
public:
    Search(const Problem& problem, Incumbent& best)
        : problem_(problem), best_(best), n_(problem.n), place_(n_), used_(n_), bound_(n_ + 1, 0.0),
          vertex_(static_cast<std::size_t>(n_) * n_), table_(vertex_.size() * vertex_.size(), 0.0) {
        const Input& in = problem.input;
        for (std::int32_t i = 0; i < n_; ++i)
            for (std::int32_t a = 0; a < n_; ++a)
                vertex(i, a) = problem.vertex[static_cast<std::size_t>(i) * n_ + a] < kForbiddenBelow
                                   ? kForbidden
                                   : problem.exact_vertex(i, a, true);
        for (std::int32_t e = 0; e < in.source_edges; ++e)
            for (std::int32_t f = 0; f < in.target_edges; ++f) {
                std::int32_t i = in.source[2 * e], j = in.source[2 * e + 1];
                std::int32_t a = in.target[2 * f], b = in.target[2 * f + 1];
                if (i < j) {  // the later row earns it
                    std::swap(i, j);
                    std::swap(a, b);
                }
                pair(i, a, j, b) += problem.exact_edge(e, f, true);
            }
        for (std::int32_t i = n_ - 1; i >= 0; --i) {
            double best_place = kForbidden;
            for (std::int32_t a = 0; a < n_; ++a) {
                double most = vertex(i, a);
                for (std::int32_t j = 0; j < i; ++j) {
                    double edge = kForbidden;
                    for (std::int32_t b = 0; b < n_; ++b)
                        if (b != a) edge = std::max(edge, pair(i, a, j, b));
                    most += edge;
                }
                best_place = std::max(best_place, most);
            }
            bound_[i] = bound_[i + 1] + best_place;
        }
    }

    void place(std::int32_t i, double value) {
        if (i == n_) {
            best_.offer(place_.data(), n_, value);
            return;
        }
        for (std::int32_t a = 0; a < n_; ++a) {
            if (used_[a] || vertex(i, a) < kForbiddenBelow) continue;
            double gain = vertex(i, a);
            for (std::int32_t j = 0; j < i; ++j) gain += pair(i, a, j, place_[j]);
            if (value + gain + bound_[i + 1] > best_.objective) {
                place_[i] = a;
                used_[a] = 1;
                place(i + 1, value + gain);
                used_[a] = 0;
            }
            if (a >= problem_.input.targets) break;  // places that earn nothing are alike: the first free one will do
        }
    }

private:
    double& vertex(std::int32_t i, std::int32_t a) { return vertex_[static_cast<std::size_t>(i) * n_ + a]; }
    double& pair(std::int32_t i, std::int32_t a, std::int32_t j, std::int32_t b) {
        return table_[((static_cast<std::size_t>(i) * n_ + a) * n_ + j) * n_ + b];
    }

    const Problem& problem_;
    Incumbent& best_;
    const std::int32_t n_;
    std::vector<std::int32_t> place_;
    std::vector<char> used_;
    std::vector<double> bound_, vertex_, table_;  // of the exact numbers: no tie is one of float32's making
};

}  // namespace

void search_exhaustively(const Problem& problem, Incumbent& best) { Search(problem, best).place(0, 0.0); }

}  // namespace matching
