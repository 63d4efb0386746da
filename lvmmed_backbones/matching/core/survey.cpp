#include "survey.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "dispatch.hpp"

namespace matching {

namespace {

constexpr int kWidth = 32;  // of a block, for vectors

template <class T>
ALWAYS_INLINE bool any_invalid_of(const T* values, std::size_t count, T limit, T forbidding) {
    int any = 0;
    for (std::size_t k = 0; k < count; ++k) any |= !(std::abs(values[k]) <= limit) & !(values[k] <= forbidding);
    return any;
}

// Widens [lows, highs] of every lane by `blocks` rows of values.
template <class T>
ALWAYS_INLINE void extend_of(const T* values, std::size_t blocks, T forbidding, T* lows, T* highs) {
    constexpr T kLargest = std::numeric_limits<T>::max();
    T low[kWidth], high[kWidth];
    std::copy_n(lows, kWidth, low);
    std::copy_n(highs, kWidth, high);
    for (std::size_t b = 0; b < blocks; ++b)
        for (int lane = 0; lane < kWidth; ++lane) {
            const T x = values[b * kWidth + lane];
            const T above = x > forbidding ? x : kLargest;
            low[lane] = above < low[lane] ? above : low[lane];
            high[lane] = x > high[lane] ? x : high[lane];
        }
    std::copy_n(low, kWidth, lows);
    std::copy_n(high, kWidth, highs);
}

DISPATCH bool any_invalid(const float* values, std::size_t count, float limit, float forbidding) {
    return any_invalid_of(values, count, limit, forbidding);
}
DISPATCH bool any_invalid(const double* values, std::size_t count, double limit, double forbidding) {
    return any_invalid_of(values, count, limit, forbidding);
}
DISPATCH void extend(const float* values, std::size_t blocks, float forbidding, float* lows, float* highs) {
    extend_of(values, blocks, forbidding, lows, highs);
}
DISPATCH void extend(const double* values, std::size_t blocks, double forbidding, double* lows, double* highs) {
    extend_of(values, blocks, forbidding, lows, highs);
}

int exponent(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return static_cast<int>(bits >> 52);
}

// Distances from one end of a range, by their binary digits: bin b counts those between 2^-b and 2^-(b + 1) of the range.
class Distances {
public:
    explicit Distances(double range) : range_(exponent(range)) {}

    void add(double distance) { ++bins_[std::min(kBins - 1, range_ - exponent(distance))]; }
    // Whether some are further from the others than those are from the end: bins between them are empty. Where few are
    // near the end that may be chance, and the gap must be wider; among few values in all, any may be one.
    bool gap() const {
        const std::int32_t few = std::accumulate(bins_, bins_ + kBins, 0) < 64 ? 1 : 3;
        std::int32_t near = 0, empty = 0;
        for (int b = kBins - 1; b > 0; --b) {
            near += bins_[b];
            empty = bins_[b] ? 0 : empty + 1;
            if (empty > 0 && near >= (empty < 3 ? 8 : few)) return true;
        }
        return false;
    }

private:
    static constexpr int kBins = 64;
    int range_;
    std::int32_t bins_[kBins] = {};
};

}  // namespace

template <class T>
std::int64_t first_invalid(const T* values, std::size_t count, double limit, double forbidding) {
    const T most = static_cast<T>(limit), least = static_cast<T>(forbidding);
    constexpr std::size_t kBlock = 4096;
    for (std::size_t start = 0; start < count; start += kBlock) {
        const std::size_t size = std::min(kBlock, count - start);
        if (!any_invalid(values + start, size, most, least)) continue;
        for (std::size_t k = start; k < start + size; ++k)
            if (any_invalid(values + k, 1, most, least)) return static_cast<std::int64_t>(k);
    }
    return -1;
}

template <class T>
Survey survey(const T* values, std::size_t count, double forbidding) {
    const T least = static_cast<T>(forbidding), largest = std::numeric_limits<T>::max();
    T lows[kWidth], highs[kWidth];
    std::fill_n(lows, kWidth, largest);
    std::fill_n(highs, kWidth, std::max(least, -largest));
    const std::size_t blocks = count / kWidth;
    extend(values, blocks, least, lows, highs);
    for (std::size_t k = blocks * kWidth; k < count; ++k)
        if (values[k] > least) {
            lows[0] = std::min(lows[0], values[k]);
            highs[0] = std::max(highs[0], values[k]);
        }
    const double low = *std::min_element(lows, lows + kWidth), high = *std::max_element(highs, highs + kWidth);
    if (low > high) return {0, 0, false, false};

    Distances from_high(high - low), from_low(high - low);
    constexpr std::size_t kLook = 1024;  // enough for a guess, which spares most problems an analysis
    for (std::size_t k = 0; k < count; k += std::max<std::size_t>(1, count / kLook))
        if (values[k] > least) {
            from_high.add(high - values[k]);
            from_low.add(values[k] - low);
        }
    const bool spread = low < high;
    return {low, high, spread && from_high.gap(), spread && from_low.gap()};
}

template std::int64_t first_invalid(const float*, std::size_t, double, double);
template std::int64_t first_invalid(const double*, std::size_t, double, double);
template Survey survey(const float*, std::size_t, double);
template Survey survey(const double*, std::size_t, double);

}  // namespace matching
