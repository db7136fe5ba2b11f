#include "discreet/app/subwords.h"

#include "discreet/core/error.h"

namespace discreet::app {

std::shared_ptr<const Subwords> Subwords::load(const std::filesystem::path& folder) {
  throw usage_error(folder.string() + ": subword tokenizers are not read by this version",
                    "Take data.tokenizer = \"word\".");
}

}  // namespace discreet::app
