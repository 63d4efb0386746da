// Swaps of two vertices' places: best-improvement descent and robust tabu search (Taillard, Parallel Computing 17, 1991)
// on a table of the gains of all swaps, brought up to date in O(n + k^2) after each.
#pragma once

#include <cstdint>
#include <vector>

#include "aligned.hpp"
#include "problem.hpp"
#include "relaxation.hpp"

namespace matching {

struct Tenure {
    std::int32_t low, high;  // moves for which a vertex may not return to a place that it left
};

class LocalSearch {
public:
    explicit LocalSearch(const Problem& problem);

    void start(const Incumbent& from);
    // Swap while a swap gains; offer the end.
    void descend(Incumbent& best);
    // Make `moves` best swaps that are not tabu, and offer what is better than all before.
    void tabu(std::int64_t moves, Tenure tenure, std::uint64_t seed, Incumbent& best);

private:
    struct Neighbour {
        std::int32_t other, forward, backward;  // source edges to and from the other vertex, or -1
    };

    float gain_of_swap(std::int32_t i, std::int32_t j) const { return pair_[i * width_ + j] - own_[i] - own_[j]; }
    float shared(std::int32_t i, const Neighbour& neighbour) const;
    void move_affinities(std::int32_t vertex, std::int32_t edge, bool leaving, std::int32_t from, std::int32_t to);
    void swap(std::int32_t u, std::int32_t v);
    void mark(std::int32_t vertex);
    void rescan_marked();

    const Problem& problem_;
    const std::int32_t n_;
    const std::size_t width_;                     // of a row: n_ padded to whole vectors
    std::vector<std::vector<Neighbour>> neighbours_;
    std::vector<std::int32_t> place_, holder_;    // of a vertex; of a place
    double objective_ = 0;
    std::vector<float> earned_;                   // [vertex, place]: what the vertex would earn there, others unmoved
    AlignedVector<float> own_;                    // [vertex]: what it earns at its place
    AlignedVector<float> pair_;                   // [vertex, vertex]: what both would earn with their places swapped
    std::vector<float> row_best_;                 // [vertex]: its best swap's gain; may be too high unless marked
    std::vector<std::int32_t> row_partner_;
    AlignedVector<float> net_;                    // scratch of rescan_marked
    std::vector<char> marked_;
    std::vector<std::int32_t> marks_;
    std::vector<std::int64_t> tabu_until_;        // [vertex, place]
};

}  // namespace matching
