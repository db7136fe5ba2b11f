#include "discreet/app/vocabulary_training.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet::app {

Json train_vocabulary(const VocabularyRequest& request, core::OperationContext& context) {
  if (std::filesystem::exists(request.out) && !request.force) {
    throw usage_error(fmt::format("{}: exists already", request.out.string()), "Name another folder, or --force to replace it.");
  }
  const text::SubwordTrainingOptions& options = request.options;
  const bool pieces = options.kind == text::SubwordKind::kWordPiece;
  core::DocumentStart start{.schema = "discreet.tokenizer.train/1",
                            .configuration = {{"type", pieces ? "wordpiece" : "bpe"},
                                              {"vocabulary_size", options.size},
                                              {"min_frequency", options.min_frequency}}};
  if (pieces) {
    start.configuration["lowercase"] = options.lowercase;
    start.configuration["limit_alphabet"] = options.limit_alphabet;
  } else {
    start.configuration["prefix_space"] = options.prefix_space;
  }
  text::VocabularyTrainer trainer(options);
  for (const std::string& input : request.inputs) {
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
    trainer.add_file(input);
    start.inputs.push_back(core::describe_input("text", input));
  }
  const text::VocabularyTrainer::Result result = trainer.train();
  if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
  if (result.words == 0) {
    throw bad_data(fmt::format("there is no word in {}", fmt::join(request.inputs, ", ")), "Name files with text in them.");
  }
  text::write_tokenizer_folder(request.out, options, result);
  Json document = core::make_document(start);
  document["results"].push_back({{"folder", request.out.string()},
                                 {"tokens", result.tokens.size()},
                                 {"merges", result.merges.size()},
                                 {"words", result.words},
                                 {"distinct_words", result.distinct_words}});
  if (result.tokens.size() < options.size) {
    document["caveats"].push_back(fmt::format("No pair of tokens was left that stands {} times: {} tokens instead of {}.",
                                              options.min_frequency, result.tokens.size(), options.size));
  }
  document["caveats"].push_back("not private: a vocabulary tells about the text that it was learnt from; no guarantee of a later training covers that.");
  return document;
}

}  // namespace discreet::app
