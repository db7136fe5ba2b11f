#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/text/corpus.h"
#include "discreet/text/reader.h"

namespace discreet::text {

/// Knobs of the built-in messages with private details (docs/corpus.md): who finds them, and who finds kinds of them
/// that it was never shown?
struct DetailOptions {
  std::int64_t lines = 6000;
  std::uint64_t seed = 1;
  Split split = Split::kTrain;   ///< Another split is another stream, with other names of people and streets.
  std::string kinds = "known";   ///< known, held-back or all.
  double plain = 0.3;            ///< Share of messages without a detail, years, prices and counts among them.
};

const core::Fields<DetailOptions>& detail_fields();

/// name, email, number, address; and those that a finder is not shown while it is made: spelled-email,
/// spelled-number, plate, iban, handle, birthday.
const std::vector<std::string>& known_details();
const std::vector<std::string>& held_back_details();

/// Parses "details" or "details:lines=6000,seed=1,kinds=all". Throws: kUsage naming the key.
DetailOptions parse_detail_spec(const std::string& spec);
/// True if `name` is "details" or begins with "details:".
bool is_detail_spec(const std::string& name);

/// A reader over the generator. An example has the text of a message, its words with BIO tags of the kinds, and the
/// kind of its detail as label ("plain" if it has none). All values are made up.
std::unique_ptr<Reader> make_detail_reader(const DetailOptions& options);

}  // namespace discreet::text
