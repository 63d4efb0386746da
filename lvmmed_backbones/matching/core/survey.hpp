// What is looked up in a caller's matrix before it is searched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace matching {

// The flat index of the first value that is NaN or above `limit` in magnitude, or -1. Those of at most `forbidding` pass.
template <class T>
std::int64_t first_invalid(const T* values, std::size_t count, double limit, double forbidding);

struct Survey {
    double low, high;           // of the values above `forbidding`; 0 and 0 if there is none
    bool far_below, far_above;  // whether some may lie further below (above) all others than those from each other
};

template <class T>
Survey survey(const T* values, std::size_t count, double forbidding);

}  // namespace matching
