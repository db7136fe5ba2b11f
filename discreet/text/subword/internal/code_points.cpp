#include "discreet/text/subword/internal/code_points.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "discreet/text/subword/internal/class_data.h"

namespace discreet::text::subword {
namespace {

constexpr char32_t kCodePoints = 0x110000;

struct CodePointRange {
  char32_t first, last;
};

// Decompositions that came after Unicode 12.1.
constexpr CodePointRange kLaterDecompositions[] = {
    {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xAB69, 0xAB69},   {0x10781, 0x107BA},
    {0x11938, 0x11938}, {0x1E030, 0x1E06D}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}};

// Marks that came later still, or were no marks of order there; in order.
constexpr CodePointRange kLaterMarks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50},
    {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
    {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}};

// Lower case that utf8proc 2.8 (Unicode 15) lacks: the letters `first`..`last`, every `step`th, lie
// `distance` before theirs.
struct LowerRange {
  char32_t first, last, step;
  std::int32_t distance;
};
constexpr LowerRange kLaterLower[] = {
    {0x1C89, 0x1C89, 1, 1},      {0xA7CB, 0xA7CB, 1, 0x264 - 0xA7CB},
    {0xA7CC, 0xA7DA, 2, 1},      {0xA7DC, 0xA7DC, 1, 0x19B - 0xA7DC},
    {0x10D50, 0x10D65, 1, 0x20}, {0x16EA0, 0x16EB8, 1, 0x1B}};

bool decomposes(char32_t c) {
  if (c < 0xC0) return c == 0xA0 || c >= 0xA8;
  return std::none_of(std::begin(kLaterDecompositions), std::end(kLaterDecompositions),
                      [&](const CodePointRange& r) { return c >= r.first && c <= r.last; });
}

int combining_class(char32_t c) {
  if (c < 0x300) return 0;
  const auto* later = std::lower_bound(std::begin(kLaterMarks), std::end(kLaterMarks), c,
                                       [](const CodePointRange& r, char32_t at) { return r.last < at; });
  if (later != std::end(kLaterMarks) && c >= later->first) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void decompose(char32_t c, bool compatible, std::vector<Change>& out) {
  std::array<utf8proc_int32_t, 32> parts;
  int boundary = 0;
  utf8proc_ssize_t n = 0;
  if (decomposes(c)) {
    const auto options = static_cast<utf8proc_option_t>(
        UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (compatible ? UTF8PROC_COMPAT : 0));
    n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(), options,
                                &boundary);
  }
  if (n <= 0 || n > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back({c, 0});
    return;
  }
  for (utf8proc_ssize_t i = 0; i < n; ++i) {
    out.push_back({static_cast<char32_t>(parts[static_cast<std::size_t>(i)]), i == 0 ? 0 : 1});
  }
}

// The primary composite of a starter and what follows it, or 0.
char32_t compose_pair(char32_t first, char32_t second) {
  if (second < 0x300) return 0;
  std::array<utf8proc_int32_t, 2> pair = {static_cast<utf8proc_int32_t>(first),
                                          static_cast<utf8proc_int32_t>(second)};
  const auto n = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  const bool ours = n == 1 && decomposes(static_cast<char32_t>(pair[0]));
  return ours ? static_cast<char32_t>(pair[0]) : 0;
}

// Canonical order: runs of marks sorted by class, each mark with its change.
void reorder(std::vector<Change>& changes) {
  for (std::size_t i = 0; i < changes.size();) {
    if (combining_class(changes[i].code_point) == 0) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < changes.size() && combining_class(changes[end].code_point) != 0) ++end;
    std::stable_sort(changes.begin() + static_cast<std::ptrdiff_t>(i),
                     changes.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const Change& a, const Change& b) {
                       return combining_class(a.code_point) < combining_class(b.code_point);
                     });
    i = end;
  }
}

// UAX 15, D117; a composite's change says how many code points it swallowed.
void recompose(std::vector<Change>& changes) {
  std::vector<Change> out;
  out.reserve(changes.size());
  std::size_t starter = SIZE_MAX;  // in `out`
  int last_class = 0;              // of what stands behind the starter; 0: nothing does
  for (const Change& c : changes) {
    const int ccc = combining_class(c.code_point);
    if (starter != SIZE_MAX && (last_class == 0 || last_class < ccc)) {
      if (const char32_t whole = compose_pair(out[starter].code_point, c.code_point)) {
        out[starter].code_point = whole;
        out[starter].change += c.change - 1;
        continue;
      }
    }
    if (ccc == 0) {
      starter = out.size();
      last_class = 0;
    } else {
      last_class = ccc;
    }
    out.push_back(c);
  }
  changes.swap(out);
}

}  // namespace

const std::uint16_t* class_table() {
  static const std::vector<std::uint16_t> table = [] {
    std::vector<std::uint16_t> classes(kCodePoints);
    for (std::size_t i = 0; i < kClassChangeCount; ++i) {
      const std::size_t begin = kClassChanges[i] >> 11;
      const std::size_t end = i + 1 < kClassChangeCount ? kClassChanges[i + 1] >> 11 : kCodePoints;
      std::fill(classes.begin() + static_cast<std::ptrdiff_t>(begin),
                classes.begin() + static_cast<std::ptrdiff_t>(end),
                static_cast<std::uint16_t>(kClassChanges[i] & 0x7FF));
    }
    return classes;
  }();
  return table.data();
}

bool is_bert_ideograph(char32_t c) {
  if (c < 0x3400) return false;
  return (c >= 0x4E00 && c <= 0x9FFF) || c <= 0x4DBF || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

Lower lower_case(char32_t c) {
  if (c < 0x80) return {c >= 'A' && c <= 'Z' ? c + 32 : c, 0};
  if (c == 0x130) return {'i', 0x307};
  if (c >= 0x1C89) {
    for (const LowerRange& r : kLaterLower) {
      if (c < r.first || c > r.last || (c - r.first) % r.step != 0) continue;
      // Between U+A7CC and U+A7DA some letters are not capital.
      if (r.step == 2 && c != 0xA7CC && c != 0xA7CE && c != 0xA7D2 && c != 0xA7D4 && c != 0xA7DA) break;
      return {static_cast<char32_t>(static_cast<std::int32_t>(c) + r.distance), 0};
    }
  }
  return {static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), 0};
}

void normal_form_changes(std::string_view text, NormalForm form, std::vector<Change>& changes) {
  const bool compatible = form == NormalForm::kKD || form == NormalForm::kKC;
  changes.clear();
  for (std::size_t at = 0; at < text.size();) {
    decompose(read_code_point(text, at), compatible, changes);
  }
  reorder(changes);
  if (form == NormalForm::kC || form == NormalForm::kKC) recompose(changes);
}

}  // namespace discreet::text::subword
