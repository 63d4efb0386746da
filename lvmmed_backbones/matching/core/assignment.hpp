// Linear assignment: augmenting row reduction and shortest augmenting paths of Jonker & Volgenant (Computing 38, 1987),
// with column prices kept from one call to the next and, for Frank-Wolfe, Bertsekas' epsilon on every bid.
#pragma once

#include <cstdint>
#include <vector>

namespace matching {

// In float for the searches, in double where prices are wanted of numbers that float would round (bindings.cpp).
template <class T>
class LinearAssignment {
public:
    explicit LinearAssignment(std::int32_t n);

    // Permutation p that maximises sum_i profit[i, p[i]] of the (n, n) profits, up to n * epsilon; exact for epsilon 0.
    // Pairs of kForbidden profit are used only where no permutation avoids them.
    void maximise(const T* profit, T epsilon, std::int32_t* p);
    // After an exact call: profit[i, j] - price[j] is largest, in every row i, at j = p[i].
    const std::vector<T>& prices() const { return price_; }

private:
    std::int32_t bid(const T* profit, T epsilon, std::int32_t open, std::int32_t* p);
    void augment(const T* profit, std::int32_t start, std::int32_t* p);
    void lower_prices();

    std::int32_t n_;
    std::vector<T> price_, distance_, reached_at_;  // by column
    std::vector<std::int32_t> owner_, before_, reached_, open_;
};

}  // namespace matching
