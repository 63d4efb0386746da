// Counter-based random numbers: a draw depends on (seed, row, column) and on nothing drawn before.
#pragma once

#include <cstdint>

#include "dispatch.hpp"

namespace matching {

// SplitMix64's finaliser (Steele et al., OOPSLA 2014) over a mixed counter.
inline std::uint64_t hash(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = seed + a * 0x9E3779B97F4A7C15ull + b * 0xC2B2AE3D27D4EB4Full;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// A stream of small integers for the searches.
class Random {
public:
    explicit Random(std::uint64_t seed) : seed_(seed) {}
    std::int32_t below(std::int32_t bound) {
        return static_cast<std::int32_t>((hash(seed_, ++count_, 0) >> 32) * static_cast<std::uint64_t>(bound) >> 32);
    }

private:
    std::uint64_t seed_, count_ = 0;
};

// Standard Gumbel noise over a matrix. The same (seed, row, column) gives the same number by both calls.
class Gumbel {
public:
    explicit Gumbel(std::uint64_t seed) : seed_(seed) {}
    float at(std::int32_t row, std::int32_t column) const;
    // out[j] += scale * noise(row, j) for j < count.
    void add(std::int32_t row, float scale, float* out, std::int32_t count) const;

private:
    std::uint64_t seed_;
};

}  // namespace matching
