#include "discreet/stats/near_duplicates.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

namespace discreet::stats {
namespace {

constexpr std::size_t kBands = 16, kBandRows = 4, kMostInBand = 50;

/// Case and punctuation do not make a text another.
std::string plain_form(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (byte | 32U) >= 'a' && (byte | 32U) <= 'z';
    if (letter) {
      plain += static_cast<char>(byte | 32U);
    } else if ((byte >= '0' && byte <= '9') || byte >= 128) {
      plain += c;
    } else if (!plain.empty() && plain.back() != ' ') {
      plain += ' ';
    }
  }
  while (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Hashes of the distinct shingles, ascending; a text shorter than one is its own.
std::vector<std::uint64_t> shingles_of(const std::string& plain, std::size_t width) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i == 0 || i + width <= plain.size(); ++i) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t j = i; j < std::min(i + width, plain.size()); ++j) {
      hash = (hash ^ static_cast<unsigned char>(plain[j])) * 0x100000001b3ULL;
    }
    hashes.push_back(mixed(hash));
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

double jaccard(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  std::size_t both = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++both, ++i, ++j;
    else if (a[i] < b[j]) ++i;
    else ++j;
  }
  return static_cast<double>(both) / static_cast<double>(a.size() + b.size() - both);
}

std::array<std::uint64_t, kBands> band_keys(const std::vector<std::uint64_t>& shingles) {
  std::array<std::uint64_t, kBands> keys{};
  for (std::size_t band = 0; band < kBands; ++band) {
    std::uint64_t key = band;
    for (std::size_t row = 0; row < kBandRows; ++row) {
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
      const std::uint64_t salt = mixed(band * kBandRows + row + 1);
      for (const std::uint64_t shingle : shingles) least = std::min(least, mixed(shingle ^ salt));
      key = mixed(key ^ least);
    }
    keys[band] = key;
  }
  return keys;
}

/// Texts of one plain form, which stand or fall together: only one of them is compared with others.
struct Forms {
  std::vector<std::vector<std::uint32_t>> texts;         // [form]
  std::vector<std::vector<std::uint64_t>> shingles;      // [form]
  std::unordered_map<std::string, std::uint32_t> places;

  Forms(std::span<const std::string> all, std::size_t width) {
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      const auto [place, fresh] = places.emplace(plain_form(all[i]), static_cast<std::uint32_t>(texts.size()));
      if (fresh) {
        texts.emplace_back();
        shingles.push_back(shingles_of(place->first, width));
      }
      texts[place->second].push_back(i);
    }
  }
};

}  // namespace

NearDuplicates near_duplicates(std::span<const std::string> first, std::span<const std::string> second,
                               const NearDuplicateOptions& options) {
  NearDuplicates found;
  found.first.resize(first.size());
  found.second.resize(second.size());
  const Forms ours(first, options.shingle), theirs(second, options.shingle);
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> buckets;
  for (std::uint32_t a = 0; a < ours.texts.size(); ++a) {
    for (const std::uint64_t key : band_keys(ours.shingles[a])) {
      auto& bucket = buckets[key];
      if (bucket.size() < kMostInBand) bucket.push_back(a);
    }
  }
  for (const auto& [form, b] : theirs.places) {
    std::set<std::uint32_t> candidates;
    for (const std::uint64_t key : band_keys(theirs.shingles[b])) {
      const auto bucket = buckets.find(key);
      if (bucket != buckets.end()) candidates.insert(bucket->second.begin(), bucket->second.end());
    }
    if (const auto same = ours.places.find(form); same != ours.places.end()) candidates.insert(same->second);
    for (const std::uint32_t a : candidates) {
      if (jaccard(ours.shingles[a], theirs.shingles[b]) < options.similarity) continue;
      for (const std::uint32_t i : ours.texts[a]) {
        for (const std::uint32_t j : theirs.texts[b]) {
          if (first[i] == second[j]) continue;
          ++found.pairs;
          found.first[i] = 1;
          found.second[j] = 1;
        }
      }
    }
  }
  return found;
}

}  // namespace discreet::stats
