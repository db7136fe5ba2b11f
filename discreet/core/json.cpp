#include "discreet/core/json.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::core {

Json number(double value) {
  if (std::isnan(value)) throw internal_error("NaN cannot stand in a document");
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double to_double(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return INFINITY;
  if (value == "-inf") return -INFINITY;
  throw bad_data(fmt::format("expected a number or \"inf\", got {}", value.dump()));
}

void set_absent(Json& object, const std::string& key, const std::string& reason) {
  object[key] = nullptr;
  object[key + "_reason"] = reason;
}

namespace {

// Printing and checking a value recurse over it; nobody's document is this deep, an attack's may
// be.
constexpr int kMaxNesting = 500;

/// The byte at which brackets nest too deeply, or npos.
std::size_t too_deep(const std::string& text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxNesting) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string::npos;
}

/// Builds a value from a parser's events. Json's own way looks each new key up among all before it, so that an
/// object of n keys costs n^2; here each object is checked for repeated keys once, when it ends.
class JsonBuilder {
 public:
  bool null() { return add(Json()); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& value) { return add(std::move(value)); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool key(std::string& name) {
    open_.back().name = std::move(name);
    return true;
  }
  bool end_object() {
    merge_repeated(open_.back().value.get_ref<Json::object_t&>());
    return end_array();
  }
  bool end_array() {
    Json done = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(done));
  }
  template <class Exception>
  bool parse_error(std::size_t, const std::string&, const Exception& error) {
    throw error;
  }
  Json take() { return std::move(result_); }

 private:
  struct Open {
    Json value;
    std::string name;  // of the member that comes
  };
  using Members = std::vector<Json::object_t::value_type>;

  bool open(Json value) {
    open_.push_back({std::move(value), {}});
    return true;
  }
  bool add(Json value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.push_back(std::move(value));
    } else {
      Members& members = open_.back().value.get_ref<Json::object_t&>();
      members.emplace_back(std::move(open_.back().name), std::move(value));
    }
    return true;
  }
  /// Of members with one name the first keeps its place and takes the last one's value, as Json has it.
  static void merge_repeated(Json::object_t& object) {
    Members& members = object;
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), 0);
    const auto name = [&](std::size_t i) -> const std::string& { return members[i].first; };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return name(a) < name(b); });
    std::vector<bool> repeated(members.size(), false);
    bool any = false;
    for (std::size_t i = 0; i < order.size();) {
      std::size_t end = i + 1;
      while (end < order.size() && name(order[end]) == name(order[i])) repeated[order[end++]] = any = true;
      if (end > i + 1) members[order[i]].second = std::move(members[order[end - 1]].second);
      i = end;
    }
    if (!any) return;
    Json::object_t kept;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (!repeated[i]) static_cast<Members&>(kept).push_back(std::move(members[i]));
    }
    object = std::move(kept);
  }

  std::vector<Open> open_;
  Json result_;
};

}  // namespace

Json parse_json(const std::string& text, const std::string& origin) {
  if (const std::size_t byte = too_deep(text); byte != std::string::npos) {
    throw bad_data(
        fmt::format("{}: nested more than {} deep at byte {}", origin, kMaxNesting, byte + 1));
  }
  try {
    JsonBuilder builder;
    Json::sax_parse(text, &builder);
    return builder.take();
  } catch (const Json::parse_error& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 1: what was wrong"
    const std::string what = e.what();
    const std::size_t place = what.find(": ");
    const std::string around = text.substr(e.byte < 2 ? 0 : e.byte - 2, 4);
    if (around.find("NaN") != std::string::npos || around.find("Inf") != std::string::npos || around.find("nan") != std::string::npos) {
      throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin, e.byte),
                     "JSON has no NaN and no Infinity: write null where there is no number.");
    }
    throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin, e.byte),
                   place == std::string::npos ? what : what.substr(place + 2));
  } catch (const Json::exception& e) {
    // A number beyond the range of double is no parse error there.
    throw bad_data(fmt::format("{}: not readable JSON: {}", origin, e.what()));
  }
}

}  // namespace discreet::core
