#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/lines.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/pipeline.h"
#include "discreet/text/subword/internal/sentence_piece.h"
#include "discreet/text/subword/internal/special_tokens.h"
#include "discreet/text/subword/internal/tokenizer_file.h"
#include "discreet/text/unicode.h"

namespace discreet::text::subword {
namespace {
namespace fs = std::filesystem;

TokenIds ids_of(TokenizerLists& lists) {
  TokenIds ids;
  for (auto& [token, id] : lists.vocabulary) ids.add(std::move(token), static_cast<std::int32_t>(id));
  return ids;
}

ModelPtr model_of(const JsonFields& f, TokenizerLists& lists) {
  std::string type = f.text("type", "");
  if (type.empty()) {  // older files
    type = lists.has_merges ? "BPE" : lists.has_pieces ? "Unigram" : f.has("max_input_chars_per_word") ? "WordPiece" : "";
  }
  const auto needs = [&](bool there, const char* what) {
    if (!there) f.refuse(fmt::format("{} without {}", type, what));
  };
  if (type == "WordPiece") {
    f.only({"unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    WordPieceOptions options;
    options.unknown = f.text("unk_token", options.unknown);
    options.prefix = f.text("continuing_subword_prefix", options.prefix);
    if (f.has("max_input_chars_per_word")) {
      options.longest_word = static_cast<std::size_t>(f.integer("max_input_chars_per_word", 0, INT32_MAX));
    }
    return make_word_piece(ids_of(lists), options);
  }
  if (type == "BPE") {
    f.only({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    needs(lists.has_merges, "merges");
    if (f.has("dropout") && f.json()["dropout"] != 0.0) f.fail("dropout", "null: ids here are the same each time");
    return make_bpe(ids_of(lists), lists.merges,
                    {.unknown = f.text("unk_token", ""),
                     .prefix = f.text("continuing_subword_prefix", ""),
                     .suffix = f.text("end_of_word_suffix", ""),
                     .fuse_unknown = f.boolean("fuse_unk", false),
                     .byte_fallback = f.boolean("byte_fallback", false),
                     .ignore_merges = f.boolean("ignore_merges", false)},
                    f.where());
  }
  if (type == "Unigram") {
    f.only({"unk_id", "byte_fallback", "vocab"});
    needs(lists.has_pieces, "a vocab of pieces and scores");
    UnigramOptions options{.byte_fallback = f.boolean("byte_fallback", false)};
    if (f.has("unk_id")) options.unknown = static_cast<std::int32_t>(f.integer("unk_id", 0, INT32_MAX));
    return make_unigram(lists.pieces, options, f.where());
  }
  if (type == "WordLevel") {
    f.only({"unk_token", "vocab"});
    needs(lists.has_vocabulary, "a vocab of tokens and ids");
    return make_word_level(ids_of(lists), f.text("unk_token", ""));
  }
  f.fail("type", "WordPiece, BPE, Unigram or WordLevel");
}

/// Tokens the model lacks get the ids behind its own, in their order, as there; what the file states is
/// only checked to be an id.
std::vector<AddedToken> added_of(const Json& list, const std::string& where, const Model& model, std::size_t model_size) {
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array()) throw bad_data(fmt::format("{}: expected a list, got {}", where, shown(list)));
  auto next = static_cast<std::int32_t>(model_size);
  StringMap seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonFields f(list[i], fmt::format("{}[{}]", where, i));
    f.only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token = read_added_token(f);
    f.integer("id", 0, INT32_MAX - 1);
    if (token.content.empty()) continue;
    token.id = seen.find(token.content);
    if (token.id < 0) token.id = model.vocabulary().id_of(token.content);
    if (token.id < 0) token.id = next;
    next = std::max(next, token.id + 1);
    seen.set(token.content, token.id);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Json read_config(const fs::path& file) {
  if (!fs::is_regular_file(file)) return Json::object();
  Json config = read_small_json(core::read_file(file), file.string());
  if (!config.is_object()) throw bad_data(file.string() + ": expected an object");
  return config;
}

constexpr const char* kBuiltIn = "built-in components";

/// The id of a named token, added or of the model.
std::int32_t id_of_token(const Parts& parts, const std::string& content) {
  for (const AddedToken& token : parts.added) {
    if (token.content == content) return token.id;
  }
  return parts.model->vocabulary().id_of(content);
}

Parts bert_parts(const fs::path& file, const Json& own, const Json& map, const Json& added) {
  TokenIds ids;
  core::LineReader lines(file, 1 << 20);
  std::int32_t id = 0;
  for (std::string line; lines.next(line); ++id) {
    require_utf8(line, lines.where());
    ids.add(line, id);
  }
  if (id == 0) throw bad_data(file.string() + ": no tokens", "A vocab.txt has one token a line.");
  const Json config = folder_config(own, map, {{"unk_token", "[UNK]"}, {"sep_token", "[SEP]"}, {"pad_token", "[PAD]"},
                                               {"cls_token", "[CLS]"}, {"mask_token", "[MASK]"}});
  const JsonFields f(config, "tokenizer_config.json");
  const std::string cls = named_token(config, "cls_token"), sep = named_token(config, "sep_token");
  Parts parts;
  const bool lower = f.boolean("do_lower_case", true);
  parts.normalizer = make_normalizer({{"type", "BertNormalizer"},
                                      {"handle_chinese_chars", f.boolean("tokenize_chinese_chars", true)},
                                      {"strip_accents", f.boolean("strip_accents", lower)},
                                      {"lowercase", lower}},
                                     kBuiltIn);
  parts.pre_tokenizer = make_pre_tokenizer({{"type", "BertPreTokenizer"}}, kBuiltIn, false);
  parts.model = make_word_piece(std::move(ids), {.unknown = named_token(config, "unk_token")});
  parts.added = folder_tokens(config, added, *parts.model);
  parts.post_processor = make_post_processor({{"type", "BertProcessing"},
                                              {"sep", Json::array({sep, id_of_token(parts, sep)})},
                                              {"cls", Json::array({cls, id_of_token(parts, cls)})}},
                                             kBuiltIn);
  parts.decoder = make_decoder({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}, kBuiltIn);
  find_special(parts, config, Json::object());
  return parts;
}

Merges read_merges(const fs::path& file) {
  Merges merges;
  core::LineReader lines(file, 1 << 20);
  for (std::string line; lines.next(line);) {
    if (line.starts_with("#version") || line.empty()) continue;
    require_utf8(line, lines.where());
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
      throw bad_data(lines.where() + ": expected two tokens with one space between them");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

/// What GPT-2's class puts around texts: an end or a beginning only if the configuration says so.
PostProcessor gpt2_ends(const JsonFields& f, const Parts& parts) {
  Json special = Json::object(), single = Json::array(), pair = Json::array();
  const auto put = [&](Json& items, const char* flag, const char* key, int type) {
    const std::string token = named_token(f.json(), key);
    if (!f.boolean(flag, false) || token.empty()) return;
    special[token] = {{"id", token}, {"ids", Json::array({id_of_token(parts, token)})}, {"tokens", Json::array({token})}};
    items.push_back({{"SpecialToken", {{"id", token}, {"type_id", type}}}});
  };
  const auto text = [&](Json& items, const char* which, int type) {
    put(items, "add_bos_token", "bos_token", type);
    items.push_back({{"Sequence", {{"id", which}, {"type_id", type}}}});
    put(items, "add_eos_token", "eos_token", type);
  };
  text(single, "A", 0);
  text(pair, "A", 0);
  text(pair, "B", 1);
  return make_post_processor({{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}}, kBuiltIn);
}

Parts byte_level_parts(const fs::path& vocabulary, const fs::path& merges, const Json& own, const Json& map, const Json& added) {
  TokenizerLists lists = read_vocabulary_json(core::read_file(vocabulary), vocabulary.string());
  const JsonFields given(own, "tokenizer_config.json");
  const std::string kind = given.text("tokenizer_class", "");
  const bool roberta = kind.starts_with("Roberta") || kind.starts_with("Bart") || kind.starts_with("Longformer") || kind.starts_with("LED");
  if (!kind.empty() && !roberta && !kind.starts_with("GPT2")) {
    given.fail("tokenizer_class", "a GPT-2, RoBERTa or BART tokeniser beside vocab.json and merges.txt, or a tokenizer.json");
  }
  Json defaults = {{"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}, {"unk_token", "<|endoftext|>"}};
  if (roberta) {
    defaults = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"sep_token", "</s>"},
                {"pad_token", "<pad>"}, {"cls_token", "<s>"}, {"mask_token", "<mask>"}};
  }
  const Json config = folder_config(own, map, defaults);
  const JsonFields f(config, "tokenizer_config.json");
  Parts parts;
  const bool prefix = f.boolean("add_prefix_space", false);
  parts.model = make_bpe(ids_of(lists), read_merges(merges), {}, merges.string());
  parts.pre_tokenizer = make_pre_tokenizer({{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", true}}, kBuiltIn, true);
  parts.decoder = make_decoder({{"type", "ByteLevel"}}, kBuiltIn);
  parts.added = folder_tokens(config, added, *parts.model);
  if (roberta) {
    const std::string cls = named_token(config, "cls_token"), sep = named_token(config, "sep_token");
    parts.post_processor = make_post_processor({{"type", "RobertaProcessing"},
                                                {"sep", Json::array({sep, id_of_token(parts, sep)})},
                                                {"cls", Json::array({cls, id_of_token(parts, cls)})},
                                                {"trim_offsets", f.boolean("trim_offsets", true)},
                                                {"add_prefix_space", prefix}},
                                               kBuiltIn);
    for (AddedToken& token : parts.added) {  // where no rules are given, those that the form was trained with
      const bool bare = config["mask_token"].is_string() && !config.contains("added_tokens_decoder");
      if (bare && token.content == named_token(config, "mask_token")) token.lstrip = true;
    }
  } else {
    parts.post_processor = gpt2_ends(f, parts);
  }
  find_special(parts, config, Json::object());
  return parts;
}

}  // namespace

Parts parts_from_json(const std::string& text, const std::string& origin) {
  TokenizerFile file = read_tokenizer_json(text, origin);
  const JsonFields f(file.rest, origin);
  f.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"});
  if (f.has("version") && f.text("version") != "1.0") f.fail("version", "\"1.0\"");
  const auto part = [&](const char* key) -> const Json& {
    static const Json none = nullptr;
    return f.has(key) ? file.rest[key] : none;
  };
  const auto at = [&](const char* key) { return origin + ": " + key; };
  Parts parts;
  const std::size_t pieces = file.lists.pieces.size();  // one that stands twice has two ids
  parts.model = model_of(JsonFields(f.object("model"), at("model")), file.lists);
  const std::string kind = parts.model->kind();
  parts.added = added_of(part("added_tokens"), at("added_tokens"), *parts.model,
                         std::max(pieces, parts.model->vocabulary().count()));
  parts.normalizer = make_normalizer(part("normalizer"), at("normalizer"));
  parts.pre_tokenizer = make_pre_tokenizer(part("pre_tokenizer"), at("pre_tokenizer"), kind == "BPE" || kind == "WordLevel");
  parts.needs_origins = parts.pre_tokenizer != nullptr && parts.pre_tokenizer->needs_origins();
  parts.post_processor = make_post_processor(part("post_processor"), at("post_processor"));
  parts.decoder = make_decoder(part("decoder"), at("decoder"));
  find_special(parts, Json::object(), Json::object());
  return parts;
}

Parts load_parts(const fs::path& path) {
  fs::path folder = path, file;
  if (fs::is_regular_file(path)) {
    file = path;
    folder = path.parent_path();
  } else {
    for (const char* name : {"tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "tokenizer.bin"}) {
      if (fs::is_regular_file(path / name)) {
        file = path / name;
        break;
      }
    }
  }
  if (file.empty()) {
    throw runtime_failure(fmt::format("{}: no tokenizer.json, vocab.txt, vocab.json, tokenizer.model, spiece.model or tokenizer.bin", path.string()),
                          "Name a model folder or one of these files.");
  }
  const Json config = read_config(folder / "tokenizer_config.json");
  const Json map = read_config(folder / "special_tokens_map.json");
  const std::string extension = file.extension().string();
  if (extension == ".model" || extension == ".bin") return sentence_piece_parts(file, config, map);
  if (extension == ".txt") return bert_parts(file, config, map, read_config(folder / "added_tokens.json"));
  const fs::path merges = fs::is_regular_file(folder / "merges.txt") ? folder / "merges.txt" : folder / "vocab.bpe";
  if (file.filename() == "vocab.json" && !fs::is_regular_file(merges)) {
    throw runtime_failure(fmt::format("{}: no merges.txt beside it", file.string()));
  }
  if (file.filename() == "vocab.json") return byte_level_parts(file, merges, config, map, read_config(folder / "added_tokens.json"));
  Parts parts = parts_from_json(core::read_file(file), file.string());
  find_special(parts, config, map);
  return parts;
}

}  // namespace discreet::text::subword
