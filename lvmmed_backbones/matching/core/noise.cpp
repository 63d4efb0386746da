#include "noise.hpp"

#include <cstring>

namespace matching {

namespace {

// Written for scalars and vectors alike, so that both give the same bits (with the compiler's -ffp-contract=off).

template <class W>
ALWAYS_INLINE W mix(W x) {  // "lowbias32" of Wellons' hash-prospector
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

template <class F, class I>
ALWAYS_INLINE F reinterpret(I bits) {
    static_assert(sizeof(F) == sizeof(I), "one lane each");
    F value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Natural logarithm of a positive normal number: Cephes' logf, relative error below 2e-7, also next to 1.
template <class F, class I>
ALWAYS_INLINE F logarithm(F x) {
    I bits = reinterpret<I, F>(x);
    const I offset = bits - 0x3F3504F3;  // mantissa into [sqrt(1/2), sqrt(2))
    const I exponent = offset >> 23;
    bits = bits - exponent * (1 << 23);
    const F m = reinterpret<F, I>(bits) - 1.f;
    F p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    const F square = m * m;
    F e;
    if constexpr (sizeof(F) == sizeof(float)) e = static_cast<float>(exponent);
    else e = __builtin_convertvector(exponent, F);
    return m + (m * square * p - square * 0.5f) + e * 0.69314718056f;
}

template <class F, class I, class W>
ALWAYS_INLINE F gumbel(W column, std::uint32_t low, std::uint32_t high) {
    const W bits = mix<W>(mix<W>(column * 0x9E3779B9u + low) ^ high) >> 9;
    F u;
    if constexpr (sizeof(F) == sizeof(float)) u = static_cast<float>(static_cast<std::int32_t>(bits));
    else u = __builtin_convertvector(reinterpret<I, W>(bits), F);
    // 2^23 equally likely values inside (0, 1), none of which rounds to 1; the largest noise is 16.6.
    return -logarithm<F, I>(-logarithm<F, I>((u + 0.5f) * 0x1p-23f));
}

DISPATCH void add_row(std::uint32_t low, std::uint32_t high, float scale, float* out, std::int32_t count) {
    std::int32_t j = 0;
    Words lane;
    for (int l = 0; l < kLanes; ++l) lane[l] = static_cast<std::uint32_t>(l);
    for (; j + kLanes <= count; j += kLanes) {
        const Floats x = gumbel<Floats, Ints, Words>(lane + static_cast<std::uint32_t>(j), low, high);
        Floats y;
        std::memcpy(&y, out + j, sizeof y);
        y += scale * x;
        std::memcpy(out + j, &y, sizeof y);
    }
    for (; j < count; ++j)
        out[j] += scale * gumbel<float, std::int32_t, std::uint32_t>(static_cast<std::uint32_t>(j), low, high);
}

}  // namespace

float Gumbel::at(std::int32_t row, std::int32_t column) const {
    const std::uint64_t key = hash(seed_, static_cast<std::uint64_t>(row), 1);
    return gumbel<float, std::int32_t, std::uint32_t>(static_cast<std::uint32_t>(column),
                                                      static_cast<std::uint32_t>(key),
                                                      static_cast<std::uint32_t>(key >> 32));
}

void Gumbel::add(std::int32_t row, float scale, float* out, std::int32_t count) const {
    const std::uint64_t key = hash(seed_, static_cast<std::uint64_t>(row), 1);
    add_row(static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32), scale, out, count);
}

}  // namespace matching
