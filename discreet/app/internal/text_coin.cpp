#include "discreet/app/internal/text_coin.h"

#include <string>

#include <fmt/format.h>

#include "discreet/app/run_data.h"
#include "discreet/core/sha256.h"

namespace discreet::app {

double coin_of(const char* purpose, std::uint64_t seed, const text::Example& example) {
  const std::string bytes = fmt::format("{}/{}/{}/{}\n{}", purpose, seed, content_sha256({example}), example.text, example.question);
  return static_cast<double>(std::stoull(core::sha256(bytes).substr(0, 13), nullptr, 16)) / 0x1p52;
}

}  // namespace discreet::app
