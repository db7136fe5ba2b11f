#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "discreet/app/distill_options.h"
#include "discreet/app/run_data.h"
#include "discreet/mitigate/words/swapper.h"

namespace discreet::app {

/// Role-reversed copies of examples, by the lists of [distill].
class RoleReverser {
 public:
  /// Throws: kUsage, kBadData for lists that contradict themselves.
  RoleReverser(const Settings& settings, const DistillOptions& distill);

  const mitigate::Swapper& swapper() const { return swapper_; }

  /// False, and `example` as it was, if nothing in it is exchanged. Tagged words and words without a text are exchanged one by
  /// one; a text as a text, and cut into words again.
  bool reverse(const text::Tokenizer& tokenizer, text::Example& example) const;
  /// The same for words: each keeps its place.
  bool reverse_words(std::vector<std::string>& words) const;

 private:
  mitigate::Swapper swapper_;
};

/// What distill.augment makes of training examples: "augment" puts each exchanged copy behind all originals,
/// "substitute" exchanges those whose text's hash says so, so that an example's fate depends on itself alone.
/// `notes` receives what was done. Throws: kBadData if no example has a word of the lists.
void add_counterfactuals(const Settings& settings, const DistillOptions& distill, const text::Tokenizer& tokenizer,
                         std::vector<text::Example>& examples, std::vector<std::string>& notes);

/// Role-reversed rows for a teacher, and which row answers which.
///
/// Rows are tokens under a language model, else examples. `aligned` has an entry for each row of the data that was
/// given: its row of `reversed`, or -1 where the prefixes do not match or nothing is exchanged.
struct ReversedRows {
  EncodedData reversed;
  std::vector<std::int64_t> aligned;
  std::int64_t changed_examples = 0, aligned_rows = 0, unaligned_rows = 0;  ///< Of changed examples.
};
ReversedRows reverse_rows(const Settings& settings, const DistillOptions& distill, const Encoder& encoder, const EncodedData& data);

/// Files that a run reads for it.
std::vector<std::filesystem::path> counterfactual_files(const DistillOptions& distill);

}  // namespace discreet::app
