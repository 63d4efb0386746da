#include "local_search.hpp"

#include <algorithm>
#include <cstddef>

#include "dispatch.hpp"

namespace matching {

namespace {

constexpr float kNone = -3e38f;

// out = pair - own; returns the largest.
DISPATCH float net_gains(const float* pair, const float* own, float* out, std::size_t width) {
    float best = kNone;
    for (std::size_t j = 0; j < width; ++j) {
        out[j] = pair[j] - own[j];
        best = std::max(best, out[j]);
    }
    return best;
}

struct Move {
    float gain;
    std::int32_t i, j;
};

// The best swap of all; rows start at their own block, since the table is symmetric.
DISPATCH Move best_move(const float* pair, const float* own, std::int32_t n, std::size_t width) {
    Floats best = Floats{} + kNone;
    Ints row = Ints{};
    for (std::int32_t i = 0; i < n; ++i) {
        const float mine = own[i];
        const Ints here = Ints{} + i;
        for (std::size_t j = static_cast<std::size_t>(i) / kLanes * kLanes; j < width; j += kLanes) {
            const Floats gain = *reinterpret_cast<const Floats*>(pair + i * width + j) -
                                *reinterpret_cast<const Floats*>(own + j) - mine;
            const Ints better = gain > best;
            best = better ? gain : best;
            row = better ? here : row;
        }
    }
    int lane = 0;
    for (int l = 1; l < kLanes; ++l)
        if (best[l] > best[lane]) lane = l;
    // The columns of a lane are compared once more: rounding may differ from the vectors', so equality finds nothing.
    const std::int32_t i = row[lane];
    Move move{kNone, i, i};
    for (std::int32_t j = i / kLanes * kLanes + lane; j < n; j += kLanes) {
        const float gain = pair[i * width + j] - own[j] - own[i];
        if (gain > move.gain) move = {gain, i, j};
    }
    return move;
}

}  // namespace

LocalSearch::LocalSearch(const Problem& problem)
    : problem_(problem), n_(problem.n), width_((problem.n + kLanes - 1) / kLanes * kLanes), neighbours_(n_),
      place_(n_), holder_(n_), earned_(n_ * width_), own_(width_), pair_(n_ * width_, kNone), row_best_(n_),
      row_partner_(n_), net_(width_), marked_(n_) {
    const Input& in = problem.input;
    const auto slot = [this](std::int32_t vertex, std::int32_t other) -> Neighbour& {
        auto& mine = neighbours_[vertex];
        for (Neighbour& neighbour : mine)
            if (neighbour.other == other) return neighbour;
        return mine.emplace_back(Neighbour{other, -1, -1});
    };
    for (std::int32_t e = 0; e < in.source_edges; ++e) {
        slot(in.source[2 * e], in.source[2 * e + 1]).forward = e;
        slot(in.source[2 * e + 1], in.source[2 * e]).backward = e;
    }
}

void LocalSearch::start(const Incumbent& from) {
    const Input& in = problem_.input;
    objective_ = from.objective;
    place_ = from.p;
    for (std::int32_t i = 0; i < n_; ++i) {
        holder_[place_[i]] = i;
        std::copy_n(problem_.vertex.data() + static_cast<std::size_t>(i) * n_, n_, earned_.data() + i * width_);
    }
    for (std::int32_t e = 0; e < in.source_edges; ++e) {
        const std::int32_t i = in.source[2 * e], j = in.source[2 * e + 1], a = place_[i], b = place_[j];
        for (auto it = problem_.entering.begin(b); it != problem_.entering.end(b); ++it)
            earned_[i * width_ + it->other] += problem_.edge(e, it->edge);
        for (auto it = problem_.leaving.begin(a); it != problem_.leaving.end(a); ++it)
            earned_[j * width_ + it->other] += problem_.edge(e, it->edge);
    }
    for (std::int32_t i = 0; i < n_; ++i) {
        const float* row = earned_.data() + i * width_;
        own_[i] = row[place_[i]];
        for (std::int32_t j = 0; j < i; ++j)
            pair_[i * width_ + j] = pair_[j * width_ + i] = row[place_[j]] + earned_[j * width_ + place_[i]];
        for (const Neighbour& neighbour : neighbours_[i])
            if (neighbour.other < i) {
                const float extra = shared(i, neighbour);
                pair_[i * width_ + neighbour.other] += extra;
                pair_[neighbour.other * width_ + i] += extra;
            }
        mark(i);
    }
}

// Both ends of an edge between i and its neighbour count it in `own_`, and neither finds it in `earned_` after the swap:
// the affinities that make both counts right.
float LocalSearch::shared(std::int32_t i, const Neighbour& neighbour) const {
    const std::int32_t a = place_[i], b = place_[neighbour.other];
    const std::int32_t ab = problem_.target_edge(a, b), ba = problem_.target_edge(b, a);
    float sum = 0;
    if (neighbour.forward >= 0) {
        if (ab >= 0) sum += problem_.edge(neighbour.forward, ab);
        if (ba >= 0) sum += problem_.edge(neighbour.forward, ba);
    }
    if (neighbour.backward >= 0) {
        if (ab >= 0) sum += problem_.edge(neighbour.backward, ab);
        if (ba >= 0) sum += problem_.edge(neighbour.backward, ba);
    }
    return sum;
}

// What `vertex` earns along a source edge when that edge's other end goes from one place to another.
void LocalSearch::move_affinities(std::int32_t vertex, std::int32_t edge, bool leaving, std::int32_t from,
                                  std::int32_t to) {
    const Incidence& side = leaving ? problem_.leaving : problem_.entering;
    float* earned = earned_.data() + vertex * width_;
    float* row = pair_.data() + vertex * width_;
    const auto add = [&](const Incidence::Entry& entry, float value) {
        const std::int32_t j = holder_[entry.other];
        earned[entry.other] += value;
        row[j] += value;
        pair_[j * width_ + vertex] += value;
        if (j == vertex) own_[vertex] += value;
    };
    for (auto it = side.begin(from); it != side.end(from); ++it) add(*it, -problem_.edge(edge, it->edge));
    for (auto it = side.begin(to); it != side.end(to); ++it) add(*it, problem_.edge(edge, it->edge));
}

void LocalSearch::swap(std::int32_t u, std::int32_t v) {
    objective_ += gain_of_swap(u, v);
    const std::int32_t a = place_[u], b = place_[v];
    for (const Neighbour& x : neighbours_[u]) {
        if (x.forward >= 0) move_affinities(x.other, x.forward, true, a, b);
        if (x.backward >= 0) move_affinities(x.other, x.backward, false, a, b);
        mark(x.other);
    }
    for (const Neighbour& x : neighbours_[v]) {
        if (x.forward >= 0) move_affinities(x.other, x.forward, true, b, a);
        if (x.backward >= 0) move_affinities(x.other, x.backward, false, b, a);
        mark(x.other);
    }
    place_[u] = b;
    place_[v] = a;
    holder_[a] = v;
    holder_[b] = u;
    const float* earned_u = earned_.data() + u * width_;
    const float* earned_v = earned_.data() + v * width_;
    own_[u] = earned_u[b];
    own_[v] = earned_v[a];
    for (std::int32_t i = 0; i < n_; ++i) {
        const float* earned = earned_.data() + i * width_;
        const float with_u = earned_u[place_[i]] + earned[b], with_v = earned_v[place_[i]] + earned[a];
        pair_[u * width_ + i] = pair_[i * width_ + u] = with_u;
        pair_[v * width_ + i] = pair_[i * width_ + v] = with_v;
    }
    pair_[u * width_ + u] = pair_[v * width_ + v] = kNone;
    for (const std::int32_t x : {u, v}) {
        for (const Neighbour& neighbour : neighbours_[x]) {
            if (x == v && neighbour.other == u) continue;
            const float extra = shared(x, neighbour);
            pair_[x * width_ + neighbour.other] += extra;
            pair_[neighbour.other * width_ + x] += extra;
        }
        mark(x);
    }
}

void LocalSearch::mark(std::int32_t vertex) {
    if (marked_[vertex]) return;
    marked_[vertex] = 1;
    marks_.push_back(vertex);
}

// A swap changes the gains of marked vertices only. An unmarked vertex whose best partner is marked may have become
// worse; `descend` sees that when it comes to it.
void LocalSearch::rescan_marked() {
    for (const std::int32_t i : marks_) {
        const float* row = pair_.data() + i * width_;
        const float best = net_gains(row, own_.data(), net_.data(), width_);
        row_best_[i] = best - own_[i];
        row_partner_[i] = static_cast<std::int32_t>(std::find(net_.begin(), net_.begin() + n_ - 1, best) - net_.begin());
        marked_[i] = 0;
    }
    marks_.clear();
}

void LocalSearch::descend(Incumbent& best) {
    // Rounding could make two swaps seem to gain in turn: no descent from a relaxation needs so many rounds.
    for (std::int32_t round = 0; n_ > 1 && round < 50 * n_; ++round) {
        rescan_marked();
        const auto u = static_cast<std::int32_t>(std::max_element(row_best_.begin(), row_best_.end()) - row_best_.begin());
        if (row_best_[u] <= problem_.tolerance) break;
        const std::int32_t v = row_partner_[u];
        if (gain_of_swap(u, v) < row_best_[u] - problem_.tolerance / 2) {
            mark(u);
            continue;
        }
        swap(u, v);
    }
    best.offer(place_.data(), n_, objective_);
}

void LocalSearch::tabu(std::int64_t moves, Tenure tenure, std::uint64_t seed, Incumbent& best) {
    struct Ban {
        std::int32_t vertex, place;
    };
    std::vector<Ban> bans;
    std::vector<Move> hidden;
    Random random(seed);
    const std::size_t n = n_;
    tabu_until_.assign(n * n, 0);
    const auto banned = [&](std::int32_t vertex, std::int32_t place, std::int64_t now) {
        return tabu_until_[vertex * n + place] > now;
    };
    for (std::int64_t now = 1; now <= moves && n_ > 1; ++now) {
        // A swap is tabu if both vertices would return: few are, so they are hidden from the scan one by one.
        Move aspiring{kNone, -1, -1};
        hidden.clear();
        std::size_t kept = 0;
        for (const Ban& ban : bans) {
            if (!banned(ban.vertex, ban.place, now)) continue;
            bans[kept++] = ban;
            const std::int32_t i = ban.vertex, j = holder_[ban.place];
            if (i >= j || !banned(j, place_[i], now) || pair_[i * width_ + j] == kNone) continue;
            if (gain_of_swap(i, j) > aspiring.gain) aspiring = {gain_of_swap(i, j), i, j};
            hidden.push_back({pair_[i * width_ + j], i, j});
            pair_[i * width_ + j] = pair_[j * width_ + i] = kNone;
        }
        bans.resize(kept);
        Move move = best_move(pair_.data(), own_.data(), n_, width_);
        for (const Move& x : hidden) pair_[x.i * width_ + x.j] = pair_[x.j * width_ + x.i] = x.gain;
        if (aspiring.gain > move.gain && objective_ + aspiring.gain > best.objective + problem_.tolerance)
            move = aspiring;
        if (move.gain < kForbiddenBelow) continue;  // all is tabu or forbidden: let time pass
        for (const std::int32_t x : {move.i, move.j}) {
            tabu_until_[x * n + place_[x]] = now + tenure.low + random.below(tenure.high - tenure.low + 1);
            bans.push_back({x, place_[x]});
        }
        swap(move.i, move.j);
        if (objective_ > best.objective + problem_.tolerance) best.offer(place_.data(), n_, objective_);
    }
}

}  // namespace matching
