#include "assignment.hpp"

#include <algorithm>
#include <cstddef>

#include "dispatch.hpp"
#include "problem.hpp"

namespace matching {

namespace {

constexpr float kFar = 3e38f;

// out = profit - price; returns the largest.
template <class T>
ALWAYS_INLINE T net_profits_of(const T* profit, const T* price, T* out, std::int32_t n) {
    T best = -kFar;
    for (std::int32_t j = 0; j < n; ++j) {
        out[j] = profit[j] - price[j];
        best = std::max(best, out[j]);
    }
    return best;
}

template <class T>
ALWAYS_INLINE T largest_of(const T* x, std::int32_t n) {
    T best = -kFar;
    for (std::int32_t j = 0; j < n; ++j) best = std::max(best, x[j]);
    return best;
}

// Shortens the columns' distances by way of row i; columns that were reached hold -kFar. Returns the least of the rest.
template <class T>
ALWAYS_INLINE T relax_of(const T* profit, const T* price, T offset, std::int32_t i, T* distance, std::int32_t* before,
                         std::int32_t n) {
    T least = kFar;
    for (std::int32_t j = 0; j < n; ++j) {
        const T x = price[j] - profit[j] - offset;
        const bool shorter = x < distance[j];
        distance[j] = shorter ? x : distance[j];
        before[j] = shorter ? i : before[j];
        least = std::min(least, distance[j] == -kFar ? static_cast<T>(kFar) : distance[j]);
    }
    return least;
}

// The searches spend their time in those of float.
DISPATCH float net_profits(const float* profit, const float* price, float* out, std::int32_t n) {
    return net_profits_of(profit, price, out, n);
}
double net_profits(const double* profit, const double* price, double* out, std::int32_t n) {
    return net_profits_of(profit, price, out, n);
}
DISPATCH float largest(const float* x, std::int32_t n) { return largest_of(x, n); }
double largest(const double* x, std::int32_t n) { return largest_of(x, n); }
DISPATCH float relax(const float* profit, const float* price, float offset, std::int32_t i, float* distance,
                     std::int32_t* before, std::int32_t n) {
    return relax_of(profit, price, offset, i, distance, before, n);
}
double relax(const double* profit, const double* price, double offset, std::int32_t i, double* distance,
             std::int32_t* before, std::int32_t n) {
    return relax_of(profit, price, offset, i, distance, before, n);
}

template <class T>
std::int32_t find(const T* x, T value, std::int32_t n) {
    std::int32_t j = 0;
    while (j < n - 1 && x[j] != value) ++j;
    return j;
}

}  // namespace

template <class T>
LinearAssignment<T>::LinearAssignment(std::int32_t n)
    : n_(n), price_(n, T{0}), distance_(n), reached_at_(n), owner_(n), before_(n), reached_(n), open_(n) {}

template <class T>
void LinearAssignment<T>::maximise(const T* profit, T epsilon, std::int32_t* p) {
    lower_prices();
    std::fill(owner_.begin(), owner_.end(), -1);
    std::fill(p, p + n_, -1);
    std::int32_t open = n_;
    for (std::int32_t i = 0; i < n_; ++i) open_[i] = i;
    if (n_ > 1)
        for (int pass = 0; pass < 2 && open > 0; ++pass) open = bid(profit, epsilon, open, p);
    for (std::int32_t k = 0; k < open; ++k) augment(profit, open_[k], p);
}

// Prices only rise within a call; without this they would lose their digits over many.
template <class T>
void LinearAssignment<T>::lower_prices() {
    const T least = *std::min_element(price_.begin(), price_.end());
    for (T& price : price_) price -= least;
}

// Open rows take their best column, at a price that leaves them (epsilon short of) their second best. The rows that
// stay open are moved to the front of open_; returns their number.
template <class T>
std::int32_t LinearAssignment<T>::bid(const T* profit, T epsilon, std::int32_t open, std::int32_t* p) {
    std::int32_t k = 0, left = 0;
    std::int32_t duels = 8 * n_;  // price wars end here: shortest paths settle them
    T* net = distance_.data();
    while (k < open) {
        const std::int32_t i = open_[k++];
        const T first = net_profits(profit + static_cast<std::size_t>(i) * n_, price_.data(), net, n_);
        std::int32_t j = find(net, first, n_);
        net[j] = -kFar;
        const T second = largest(net, n_);
        const bool choice = second > kForbiddenBelow;
        const T before = price_[j];
        if (choice) price_[j] = before + (first - second) + epsilon;
        const bool raised = price_[j] > before;
        if (choice && !raised && owner_[j] >= 0) j = find(net, second, n_);
        const std::int32_t owner = owner_[j];
        if (owner >= 0) {
            if (raised && --duels > 0) open_[--k] = owner;
            else open_[left++] = owner;
            p[owner] = -1;
        }
        p[i] = j;
        owner_[j] = i;
    }
    return left;
}

// Dijkstra from an open row to a free column over reduced profits, all columns relaxed at once in vectors.
template <class T>
void LinearAssignment<T>::augment(const T* profit, std::int32_t start, std::int32_t* p) {
    std::fill(distance_.begin(), distance_.end(), static_cast<T>(kFar));
    std::fill(before_.begin(), before_.end(), start);
    std::int32_t i = start, j = -1, reached = 0;
    T offset = 0, least = 0;
    for (;;) {
        least = relax(profit + static_cast<std::size_t>(i) * n_, price_.data(), offset, i, distance_.data(),
                      before_.data(), n_);
        j = find(distance_.data(), least, n_);
        if (owner_[j] < 0) break;
        reached_[reached] = j;
        reached_at_[reached++] = least;
        distance_[j] = -kFar;
        i = owner_[j];
        offset = price_[j] - profit[static_cast<std::size_t>(i) * n_ + j] - least;
    }
    for (std::int32_t k = 0; k < reached; ++k) price_[reached_[k]] += least - reached_at_[k];
    for (;;) {
        const std::int32_t row = before_[j];
        owner_[j] = row;
        std::swap(j, p[row]);
        if (row == start) break;
    }
}

template class LinearAssignment<float>;
template class LinearAssignment<double>;

}  // namespace matching
