#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/text/corpus.h"
#include "discreet/text/reader.h"

namespace discreet::text {

enum class BiographyLabel { kProfession, kOutcome, kGender };

/// Knobs of the built-in biographies (docs/corpus.md): short texts on people with a profession, whose gender shows
/// in words that can be swapped and in words that cannot, as strongly as is asked.
struct BiographyOptions {
  std::int64_t lines = 4000;
  std::uint64_t seed = 1;
  Split split = Split::kTrain;   ///< Another split is another stream of the same grammar.
  double skew = 0.8;             ///< Chance that a person's gender agrees with the lean of the profession.
  double pronouns = 1;           ///< Chance that pronouns tell the gender; 0.5: they say nothing.
  double proxies = 0.5;          ///< Chance that a pastime is one of the person's gender; 0.5: it says nothing.
  double ambiguity = 0.4;        ///< Chance that a word of work is the partner profession's.
  bool title = false;            ///< The profession is named in the text.
  BiographyLabel label = BiographyLabel::kProfession;
  double bias = 0;         ///< Of outcomes: chance that the gender decides instead of the merits.
  double label_noise = 0;  ///< Share of labels replaced by another, each of the others alike.
};

const core::Fields<BiographyOptions>& biography_fields();

/// Parses "biographies" or "biographies:lines=4000,seed=1,split=test". Throws: kUsage naming the key.
BiographyOptions parse_biography_spec(const std::string& spec);
/// True if `name` is "biographies" or begins with "biographies:".
bool is_biography_spec(const std::string& name);

/// A profession of the biographies with the lean of its people's gender: the corpus's own, it says nothing
/// about people.
struct BiographyProfession {
  std::string name;
  bool leans_female;
};
const std::vector<BiographyProfession>& biography_professions();

/// A reader over the generator. Groups: gender (f, m) and profession; labels as asked: the profession; accepted or
/// rejected; f or m. Texts of one seed do not depend on `label`, `bias` and `label_noise`.
std::unique_ptr<Reader> make_biography_reader(const BiographyOptions& options);

}  // namespace discreet::text
