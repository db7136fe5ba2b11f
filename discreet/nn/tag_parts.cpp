#include "discreet/nn/tag_parts.h"

#include <map>

namespace discreet::nn {
namespace {

bool is_bio(const std::string& name) { return name.starts_with("B-") || name.starts_with("I-"); }

}  // namespace

at::Tensor tag_parts(std::span<const std::string> names) {
  std::map<std::string, std::int64_t> shared;  // "B", "I" and "-type", in the order of their first use
  const auto place_of = [&](const std::string& part) {
    return shared.emplace(part, static_cast<std::int64_t>(shared.size())).first->second;
  };
  for (const std::string& name : names) {
    if (!is_bio(name)) continue;
    place_of(name.substr(0, 1));
    place_of(name.substr(1));
  }
  const auto tags = static_cast<std::int64_t>(names.size()), own = static_cast<std::int64_t>(shared.size());
  at::Tensor parts = at::zeros({tags, own + tags}, at::kFloat);
  auto matrix = parts.accessor<float, 2>();
  for (std::int64_t tag = 0; tag < tags; ++tag) {
    const std::string& name = names[static_cast<std::size_t>(tag)];
    matrix[tag][own + tag] = 1;
    if (!is_bio(name)) continue;
    matrix[tag][place_of(name.substr(0, 1))] = 1;
    matrix[tag][place_of(name.substr(1))] = 1;
  }
  return parts;
}

}  // namespace discreet::nn
