#include "discreet/text/internal/normal_form.h"

#include "discreet/text/unicode.h"

namespace discreet::text::internal {

std::string normal_form(std::string_view token, const TokenizerOptions& options) {
  if (options.lowercase && options.nfc) return to_nfc(lowercase(token));
  if (options.lowercase) return lowercase(token);
  return options.nfc ? to_nfc(token) : std::string(token);
}

Json tokenizer_config(const std::string& name, const TokenizerOptions& options) {
  return {{"tokenizer", name}, {"lowercase", options.lowercase}, {"nfc", options.nfc}};
}

const core::Fields<TokenizerOptions>& tokenizer_fields() {
  static const auto fields =
      core::Fields<TokenizerOptions>("tokenizer")
          .add("lowercase", &TokenizerOptions::lowercase, {.doc = "Tokens in lower case."})
          .add("nfc", &TokenizerOptions::nfc,
               {.doc = "Tokens in Unicode normalisation form C.", .reference = "UAX 15"});
  return fields;
}

}  // namespace discreet::text::internal
