#include <fmt/format.h>

#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/train.h"

namespace discreet::text {
namespace {

std::string quoted(const std::string& text) { return Json(text).dump(); }

/// {"token": id}, by id. A tree of JSON would search for each key.
std::string vocabulary_text(const std::vector<std::string>& tokens) {
  std::string out = "{";
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    out += fmt::format("{}{}:{}", i == 0 ? "" : ",", quoted(tokens[i]), i);
  }
  return out + "}";
}

struct Layout {
  Json normalizer, pre_tokenizer, post_processor, decoder, config;
  std::string model;
  std::size_t special = 0;
};

Layout word_piece_layout(const SubwordTrainingOptions& options, const VocabularyTrainer::Result& v) {
  Layout l;
  l.normalizer = {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", options.lowercase}};
  l.pre_tokenizer = Json::object({{"type", "BertPreTokenizer"}});
  const auto token = [](const char* name, int type) { return Json{{"SpecialToken", {{"id", name}, {"type_id", type}}}}; };
  const auto text = [](const char* name, int type) { return Json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
  Json single = Json::array(), pair = Json::array(), special = Json::object();
  for (const Json& item : {token("[CLS]", 0), text("A", 0), token("[SEP]", 0)}) single.push_back(item);
  pair = single;
  for (const Json& item : {text("B", 1), token("[SEP]", 1)}) pair.push_back(item);
  for (const auto& [name, id] : {std::pair("[CLS]", 2), {"[SEP]", 3}}) {
    special[name] = {{"id", name}, {"ids", Json::array({id})}, {"tokens", Json::array({name})}};
  }
  l.post_processor = {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
  l.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  l.config = {{"tokenizer_class", "BertTokenizer"}, {"do_lower_case", options.lowercase}, {"tokenize_chinese_chars", true},
              {"strip_accents", nullptr}, {"pad_token", "[PAD]"}, {"unk_token", "[UNK]"}, {"cls_token", "[CLS]"},
              {"sep_token", "[SEP]"}, {"mask_token", "[MASK]"}};
  l.model = "{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":" +
            vocabulary_text(v.tokens) + "}";
  return l;
}

Layout byte_level_layout(const SubwordTrainingOptions& options, const VocabularyTrainer::Result& v) {
  Layout l;
  l.pre_tokenizer = {{"type", "ByteLevel"}, {"add_prefix_space", options.prefix_space}, {"trim_offsets", true}, {"use_regex", true}};
  l.post_processor = {{"type", "ByteLevel"}, {"add_prefix_space", options.prefix_space}, {"trim_offsets", false}, {"use_regex", true}};
  l.decoder = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  l.config = {{"tokenizer_class", "GPT2Tokenizer"}, {"add_prefix_space", options.prefix_space}};
  for (const char* role : {"bos_token", "eos_token", "unk_token"}) l.config[role] = v.tokens.front();
  l.model = "{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
            "\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":" +
            vocabulary_text(v.tokens) + ",\"merges\":[";
  for (std::size_t i = 0; i < v.merges.size(); ++i) {
    l.model += fmt::format("{}[{},{}]", i == 0 ? "" : ",", quoted(v.merges[i].first), quoted(v.merges[i].second));
  }
  l.model += "]}";
  return l;
}

}  // namespace

void write_tokenizer_folder(const std::filesystem::path& folder, const SubwordTrainingOptions& options,
                            const VocabularyTrainer::Result& vocabulary) {
  const bool pieces = options.kind == SubwordKind::kWordPiece;
  const Layout l = pieces ? word_piece_layout(options, vocabulary) : byte_level_layout(options, vocabulary);
  std::size_t special = pieces ? 5 : std::max<std::size_t>(1, options.special_tokens.size());
  while (pieces && special < vocabulary.tokens.size() &&
         std::find(options.special_tokens.begin(), options.special_tokens.end(), vocabulary.tokens[special]) != options.special_tokens.end()) {
    ++special;
  }
  Json added = Json::array();
  for (std::size_t i = 0; i < special; ++i) {
    added.push_back({{"id", i}, {"content", vocabulary.tokens[i]}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                     {"normalized", false}, {"special", true}});
  }
  const std::string tokenizer = fmt::format(
      "{{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n\"added_tokens\":{},\n\"normalizer\":{},\n\"pre_tokenizer\":{},\n"
      "\"post_processor\":{},\n\"decoder\":{},\n\"model\":{}}}\n",
      added.dump(), l.normalizer.dump(), l.pre_tokenizer.dump(), l.post_processor.dump(), l.decoder.dump(), l.model);
  core::write_folder_atomically(folder, [&](const std::filesystem::path& to) {
    core::write_file_atomically(to / "tokenizer.json", tokenizer);
    core::write_file_atomically(to / "tokenizer_config.json", l.config.dump(2) + "\n");
    std::string lines;
    if (pieces) {
      for (const std::string& token : vocabulary.tokens) lines += token + "\n";
      core::write_file_atomically(to / "vocab.txt", lines);
      return;
    }
    core::write_file_atomically(to / "vocab.json", vocabulary_text(vocabulary.tokens) + "\n");
    lines = "#version: 0.2\n";
    for (const auto& [left, right] : vocabulary.merges) lines += left + " " + right + "\n";
    core::write_file_atomically(to / "merges.txt", lines);
  });
}

}  // namespace discreet::text
