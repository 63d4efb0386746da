// Kernels compiled for several instruction sets; the loader picks one, so that a wheel runs on any x86-64.
// On arm64 the baseline has vector instructions already.
#pragma once

#include <cstdint>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(MATCHING_SANITIZE)
#define DISPATCH __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCH
#endif

// For templates that several such kernels share.
#define ALWAYS_INLINE inline __attribute__((always_inline))

namespace matching {

// Rows of kernels' matrices are padded to whole vectors of kLanes and aligned to them.
constexpr int kLanes = 16;
typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t Ints __attribute__((vector_size(4 * kLanes)));
typedef std::uint32_t Words __attribute__((vector_size(4 * kLanes)));

}  // namespace matching
