// Exhaustive search by branch and bound, for problems of a few vertices.
#pragma once

#include "problem.hpp"
#include "relaxation.hpp"

namespace matching {

// Offer the best permutation; `best` may hold a good one already, which makes the search shorter.
void search_exhaustively(const Problem& problem, Incumbent& best);

}  // namespace matching
