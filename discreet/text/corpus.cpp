#include "discreet/text/corpus.h"

#include <fmt/format.h>

#include "discreet/text/internal/corpus_generator.h"

namespace discreet::text {
namespace {

constexpr std::string_view kCorpusName = "assistant";

class CorpusReader final : public Reader {
 public:
  explicit CorpusReader(const CorpusOptions& options) : generator_(options) {}
  bool next(Example& example) override { return generator_.next(example); }

 private:
  internal::CorpusGenerator generator_;
};

}  // namespace

std::string to_string(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kDev:
      return "dev";
    default:
      return "test";
  }
}

const core::Fields<CorpusOptions>& corpus_fields() {
  using O = CorpusOptions;
  static const auto fields =
      core::Fields<O>("assistant")
          .add("lines", &O::lines, {.min = 1, .unit = "lines", .doc = "How many lines to write."})
          .add("seed", &O::seed, {.doc = "Another seed is another sample of the same language."})
          .add("split", &O::split,
               {.choices = {"train", "dev", "test"},
                .doc = "Each split is a stream of its own, over the same people and devices."})
          .add("ambiguity", &O::ambiguity,
               {.min = 0,
                .max = 1,
                .doc = "Share of lines with two commands, of which word order tells the one that "
                       "counts."})
          .add("label_noise", &O::label_noise,
               {.min = 0, .max = 1, .doc = "Share of lines whose intent is replaced by another."})
          .add("slot_noise", &O::slot_noise,
               {.min = 0,
                .max = 1,
                .doc = "Share of slot values whose slot is replaced by another."})
          .add("typos", &O::typos,
               {.min = 0,
                .max = 1,
                .doc = "Chance of a typing error, for each word of a slot value."})
          .add("disfluencies", &O::disfluencies,
               {.min = 0,
                .max = 1,
                .doc = "Chance of a hesitation or a repeated word, for each line."})
          .add("devices", &O::devices,
               {.min = 1, .max = 1e8, .doc = "Devices, each with one to three users."})
          .add(
              "activity_exponent", &O::activity_exponent,
              {.min = 0, .max = 10, .doc = "Zipf exponent of the devices' activity; 0: all alike."})
          .add("periods", &O::periods,
               {.min = 1, .max = 100000, .doc = "Periods over which topics drift."})
          .add("drift", &O::drift,
               {.min = 0,
                .max = 5,
                .doc = "How far an intent's log odds swing over the periods, in units of 2."})
          .add("gender_skew", &O::gender_skew,
               {.min = 0,
                .max = 1,
                .doc = "Chance that a pronoun agrees with its profession's lean; 0.5: no skew."})
          .add("dialect_share", &O::dialect_share,
               {.min = 0,
                .max = 1,
                .doc = "Share of lines from devices that speak the hill dialect."})
          .add("dialect_gap", &O::dialect_gap,
               {.min = 0,
                .max = 1,
                .doc = "Chance that the hill dialect respells an ordinary word."})
          .add("secrets", &O::secrets,
               {.min = 0,
                .max = 100000,
                .doc = "Planted lines such as 'call 4 0 9 2', in the training split only."})
          .add("secret_repeats", &O::secret_repeats,
               {.min = 1, .doc = "How often each secret stands in the corpus."})
          .add("secret_digits", &O::secret_digits,
               {.min = 1, .max = 18, .doc = "Digits of a secret."})
          .add("counterfactuals", &O::counterfactuals,
               {.doc = "Adds to a line with gendered words the same line with each of them "
                       "swapped."});
  return fields;
}

std::vector<std::string> corpus_intent_names() { return internal::CorpusGenerator::intents(); }
std::vector<std::string> corpus_slot_names() { return internal::CorpusGenerator::slots(); }

bool is_corpus_spec(const std::string& name) {
  return name == kCorpusName || (name.starts_with(kCorpusName) && name[kCorpusName.size()] == ':');
}

CorpusOptions parse_corpus_spec(const std::string& spec) {
  if (!is_corpus_spec(spec)) {
    throw usage_error(fmt::format("'{}' is not the built-in corpus", spec),
                      "Write assistant, or assistant:lines=13000,seed=1.");
  }
  core::Config config;
  for (std::size_t at = kCorpusName.size() + 1; at < spec.size();) {
    const std::size_t end = std::min(spec.find(',', at), spec.size());
    const std::string item = spec.substr(at, end - at);
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) {
      throw usage_error(fmt::format("'{}': expected key=value, got '{}'", spec, item),
                        "For example assistant:lines=13000,seed=1; `discreet explain assistant` "
                        "names the keys.");
    }
    config.add_assignment(fmt::format("assistant.{}", item));
    at = end + 1;
  }
  return corpus_fields().parse(config);
}

std::unique_ptr<Reader> make_corpus_reader(const CorpusOptions& options) {
  return std::make_unique<CorpusReader>(options);
}

}  // namespace discreet::text
