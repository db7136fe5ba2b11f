// Every form of tokeniser against Hugging Face tokenizers 0.23.3 and sentencepiece 0.2.3 on awkward texts:
// ids, spellings, offsets, words, type ids, masks and decoded texts; exact. The files are made by
// tools/golden/tokenizer_forms.py.
#include <gtest/gtest.h>

#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/subword_tokenizer.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

std::vector<std::filesystem::path> form_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(DISCREET_SOURCE_DIR "/tests/golden/tokenizers")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

SubwordEncoding encoding_of(const SubwordTokenizer& tokenizer, const Json& c, OffsetUnit unit) {
  const EncodeOptions options{.special_tokens = c.value("special", true), .offsets = unit, .tokens = true};
  if (c.contains("given")) return tokenizer.encode_words(c["given"].get<std::vector<std::string>>(), options);
  const std::string text = c["text"];
  if (c.contains("pair") && !c["pair"].is_null()) return tokenizer.encode_pair(text, c["pair"].get<std::string>(), options);
  return tokenizer.encode(text, options);
}

TEST(SubwordForms, EqualHuggingFace) {
  int files = 0;
  for (const auto& file : form_files()) {
    const Json document = core::parse_json(core::read_file(file), file.string());
    if (!document.contains("tokenizer")) continue;
    ++files;
    const auto tokenizer = SubwordTokenizer::from_json(document["tokenizer"].get<std::string>(), file.filename());
    for (const Json& c : document["cases"]) {
      SCOPED_TRACE(file.filename().string() + ": " + c.dump().substr(0, 200));
      const SubwordEncoding e = encoding_of(tokenizer, c, OffsetUnit::kCodePoints);
      EXPECT_EQ(Json(e.ids), c["ids"]);
      EXPECT_EQ(Json(e.tokens), c["tokens"]);
      EXPECT_EQ(Json(e.offsets), c["offsets"]);
      EXPECT_EQ(Json(e.words), c["words"]);
      EXPECT_EQ(Json(e.type_ids), c["type_ids"]);
      EXPECT_EQ(Json(e.special), c["mask"]);
      EXPECT_EQ(tokenizer.decode(e.ids), c["decoded"]);
      EXPECT_EQ(tokenizer.decode(e.ids, false), c["decoded_with_special"]);
      if (c.contains("text") && !(c.contains("pair") && !c["pair"].is_null())) {
        EXPECT_EQ(tokenizer.ids(c["text"].get<std::string>(), c.value("special", true)), e.ids);
      }
      EXPECT_EQ(encoding_of(tokenizer, c, OffsetUnit::kNone).ids, e.ids);
    }
    if (HasFailure()) return;
  }
  EXPECT_GE(files, 25);
}

TEST(SubwordForms, EqualSentencePiece) {
  const core::TemporaryFolder folder;
  int files = 0;
  for (const auto& file : form_files()) {
    const Json document = core::parse_json(core::read_file(file), file.string());
    if (!document.contains("model")) continue;
    ++files;
    const std::string name = file.stem();
    folder.write(name + "/tokenizer.model", subword::decode_base64(document["model"].get<std::string>(), name));
    const auto tokenizer = SubwordTokenizer::load(folder / name);
    for (const Json& c : document["cases"]) {
      SCOPED_TRACE(name + ": " + c.dump().substr(0, 200));
      const auto ids = tokenizer.ids(c["text"].get<std::string>());
      EXPECT_EQ(Json(ids), c["ids"]);
      EXPECT_EQ(tokenizer.decode(ids), c["decoded"]);
    }
    if (HasFailure()) return;
  }
  EXPECT_GE(files, 6);
}

TEST(SubwordForms, ByteOffsetsPointAtTheSameText) {
  for (const auto& file : form_files()) {
    if (file.stem() != "llama3" && file.stem() != "unigram" && file.stem() != "bert_cased") continue;
    const Json document = core::parse_json(core::read_file(file), file.string());
    const auto tokenizer = SubwordTokenizer::from_json(document["tokenizer"].get<std::string>(), file.filename());
    const std::string text = "caf\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC x";
    const SubwordEncoding bytes = tokenizer.encode(text, {.offsets = OffsetUnit::kBytes});
    const SubwordEncoding points = tokenizer.encode(text, {.offsets = OffsetUnit::kCodePoints});
    ASSERT_EQ(bytes.ids, points.ids);
    const auto count = [&](std::uint32_t end) {
      std::uint32_t n = 0;
      for (std::uint32_t i = 0; i < end; ++i) n += (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
      return n;
    };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(count(bytes.offsets[i].first), points.offsets[i].first);
      EXPECT_EQ(count(bytes.offsets[i].second), points.offsets[i].second);
    }
  }
}

}  // namespace
}  // namespace discreet::text
