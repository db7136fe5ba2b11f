#include "discreet/audit/extraction.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet::audit {
namespace {

constexpr std::int64_t kBatchTokens = 32768;

/// The problem's example once for each code.
nn::EncodedExamples with_codes(const ExtractionProblem& problem, std::span<const Code> codes) {
  const nn::EncodedExamples& one = problem.example;
  nn::EncodedExamples out;
  const bool characters = !one.character_offsets.empty();
  if (characters) out.character_offsets.push_back(0);
  for (const Code& code : codes) {
    if (code.size() != problem.places.size()) throw internal_error("a code of the wrong length");
    const std::size_t first = out.tokens.size(), first_tag = out.tags.size();
    out.tokens.insert(out.tokens.end(), one.tokens.begin(), one.tokens.end());
    out.tags.insert(out.tags.end(), one.tags.begin(), one.tags.end());
    out.intents.insert(out.intents.end(), one.intents.begin(), one.intents.end());
    out.token_types.insert(out.token_types.end(), one.token_types.begin(), one.token_types.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.tokens.size()));
    std::vector<const std::vector<std::int64_t>*> own(one.tokens.size(), nullptr);
    for (std::size_t i = 0; i < code.size(); ++i) {
      const SecretPlace& place = problem.places[i];
      const auto candidate = static_cast<std::size_t>(code[i]);
      if (place.row >= 0) out.tokens[first + static_cast<std::size_t>(place.row)] = place.ids.at(candidate);
      if (place.label_row >= 0) out.tags[first_tag + static_cast<std::size_t>(place.label_row)] = place.ids.at(candidate);
      if (characters) own[static_cast<std::size_t>(place.row)] = &place.characters.at(candidate);
    }
    for (std::size_t n = 0; characters && n < one.tokens.size(); ++n) {
      if (own[n] != nullptr) {
        out.characters.insert(out.characters.end(), own[n]->begin(), own[n]->end());
      } else {
        out.characters.insert(out.characters.end(), one.characters.begin() + one.character_offsets[n],
                              one.characters.begin() + one.character_offsets[n + 1]);
      }
      out.character_offsets.push_back(static_cast<std::int64_t>(out.characters.size()));
    }
  }
  return out;
}

}  // namespace

double ExtractionProblem::space() const {
  double space = 1;
  for (const SecretPlace& place : places) space *= static_cast<double>(place.ids.size());
  return space;
}

std::vector<double> example_losses(nn::Model& model, const nn::EncodedExamples& given) {
  const at::NoGradGuard no_gradients;
  const bool was_training = model.is_training();
  model.eval();
  nn::EncodedExamples data = given;
  std::vector<bool> known(static_cast<std::size_t>(data.size()), true);
  for (std::size_t e = 0; e < known.size(); ++e) {
    if (!data.intents.empty() && data.intents[e] < 0) {
      known[e] = false;
      data.intents[e] = 0;
    }
    for (auto n = data.offsets[e]; !data.tags.empty() && n < data.offsets[e + 1]; ++n) {
      if (data.tags[static_cast<std::size_t>(n)] != -1) continue;
      known[e] = false;
      data.tags[static_cast<std::size_t>(n)] = 0;
    }
  }
  std::vector<double> losses;
  losses.reserve(known.size());
  for (std::int64_t begin = 0, end = 0; begin < data.size(); begin = end) {
    end = nn::batch_end(data.offsets, begin, kBatchTokens);
    const nn::PackedBatch batch = nn::collate(data, nn::consecutive(begin, end));
    const nn::ModelOutput output = model.forward(batch);
    if (!output.loss.defined()) throw internal_error("a model without a loss");
    const at::Tensor loss = output.loss.to(at::kDouble).cpu().contiguous();
    const auto* values = loss.const_data_ptr<double>();
    for (std::int64_t i = 0; i < end - begin; ++i) {
      const std::int64_t e = begin + i;
      // Losses over tags are means over the tokens that are scored.
      std::int64_t scored = data.tags.empty() ? 1 : 0;
      for (auto n = data.offsets[e]; !data.tags.empty() && n < data.offsets[e + 1]; ++n) {
        scored += data.tags[static_cast<std::size_t>(n)] >= 0 ? 1 : 0;
      }
      const double times = data.intents.empty() ? static_cast<double>(std::max<std::int64_t>(scored, 1)) : 1;
      losses.push_back(known[static_cast<std::size_t>(e)] ? values[i] * times
                                                          : std::numeric_limits<double>::quiet_NaN());
    }
  }
  model.train(was_training);
  return losses;
}

std::vector<double> code_losses(const ExtractionProblem& problem, std::span<const Code> codes) {
  std::vector<double> losses;
  const auto length = std::max<std::int64_t>(1, problem.example.offsets.back());
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, kBatchTokens / length));
  for (std::size_t begin = 0; begin < codes.size(); begin += at_once) {
    const auto part = codes.subspan(begin, std::min(at_once, codes.size() - begin));
    const std::vector<double> some = example_losses(*problem.model, with_codes(problem, part));
    losses.insert(losses.end(), some.begin(), some.end());
  }
  return losses;
}

Code code_of_number(const ExtractionProblem& problem, std::uint64_t number) {
  Code code(problem.places.size());
  for (std::size_t i = code.size(); i-- > 0;) {
    const std::uint64_t k = problem.places[i].ids.size();
    code[i] = static_cast<std::int64_t>(number % k);
    number /= k;
  }
  return code;
}

std::uint64_t number_of_code(const ExtractionProblem& problem, const Code& code) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    number = number * problem.places[i].ids.size() + static_cast<std::uint64_t>(code[i]);
  }
  return number;
}

std::vector<double> all_losses(const ExtractionProblem& problem, double limit) {
  const double space = problem.space();
  if (!(space <= limit)) {
    throw usage_error(fmt::format("{:g} candidates are more than {:g}", space, limit),
                      "Raise the limit, or sample candidates.");
  }
  std::vector<double> losses;
  const auto count = static_cast<std::uint64_t>(space);
  losses.reserve(count);
  std::vector<Code> codes;
  for (std::uint64_t number = 0; number < count; ++number) {
    codes.push_back(code_of_number(problem, number));
    if (codes.size() < 65536 && number + 1 < count) continue;
    const std::vector<double> some = code_losses(problem, codes);
    losses.insert(losses.end(), some.begin(), some.end());
    codes.clear();
  }
  return losses;
}

std::uint64_t exposure_rank(std::span<const double> losses, std::uint64_t number) {
  const double own = losses[number];
  std::uint64_t rank = 1;
  for (std::uint64_t i = 0; i < losses.size(); ++i) rank += i != number && losses[i] <= own ? 1 : 0;
  return rank;
}

}  // namespace discreet::audit
