#pragma once

#include <map>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::fairness::test {

/// Words apart at spaces; ids in the order in which words are met, behind [CLS] 0, [SEP] 1, [MASK] 2.
/// "play+ing" is two tokens of one word.
class ToyCoder final : public TextCoder {
 public:
  explicit ToyCoder(bool framed = true) : framed_(framed) {}
  CodedText code(std::string_view text) const override {
    CodedText coded;
    frame(coded, 0);
    append(text, 0, coded);
    frame(coded, 1);
    return coded;
  }
  CodedText code_pair(std::string_view first, std::string_view second) const override {
    CodedText coded;
    frame(coded, 0);
    append(first, 0, coded);
    frame(coded, 1);
    append(second, 1, coded);
    frame(coded, 1);
    return coded;
  }
  std::int64_t mask() const override { return 2; }
  std::int64_t start() const override { return 0; }
  std::int64_t unknown() const override { return -1; }
  std::int64_t id(const std::string& token) const { return ids_.try_emplace(token, 3 + ids_.size()).first->second; }

 private:
  void frame(CodedText& coded, std::int64_t id) const {
    if (!framed_) return;
    coded.ids.push_back(id);
    coded.types.push_back(0);
    coded.places.emplace_back(-1, -1);
    coded.texts.push_back(-1);
  }
  void append(std::string_view text, std::int32_t which, CodedText& coded) const {
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] == ' ' || text[at] == '+') {
        ++at;
        continue;
      }
      std::size_t end = at;
      while (end < text.size() && text[end] != ' ' && text[end] != '+') ++end;
      coded.ids.push_back(id(std::string(text.substr(at, end - at))));
      coded.types.push_back(which);
      coded.places.emplace_back(at, end);
      coded.texts.push_back(which);
      at = end;
    }
  }

  bool framed_;
  mutable std::map<std::string, std::int64_t> ids_;
};

/// Logits that depend on what stands in a text and where it is asked: `log_odds(tokens, row, id)`.
class MockModel final : public TokenModel {
 public:
  using Logit = std::function<double(const std::vector<std::int64_t>&, std::int64_t, std::int64_t)>;
  MockModel(bool causal, std::int64_t vocabulary, Logit logit)
      : causal_(causal), vocabulary_(vocabulary), logit_(std::move(logit)) {}
  bool causal() const override { return causal_; }
  std::int64_t vocabulary() const override { return vocabulary_; }
  std::int64_t longest() const override { return 64; }
  std::int64_t layers() const override { return 0; }
  at::Device device() const override { return at::kCPU; }
  at::Tensor logits(const nn::PackedBatch& batch, const at::Tensor& rows) override {
    read_ += batch.examples();
    at::Tensor out = at::empty({rows.size(0), vocabulary_});
    const auto* ids = batch.tokens.const_data_ptr<std::int64_t>();
    for (std::int64_t r = 0; r < rows.size(0); ++r) {
      const std::int64_t row = rows[r].item<std::int64_t>();
      std::int64_t e = 0;
      while (batch.offsets[e + 1] <= row) ++e;
      const std::vector<std::int64_t> text(ids + batch.offsets[e], ids + batch.offsets[e + 1]);
      for (std::int64_t v = 0; v < vocabulary_; ++v) out[r][v] = logit_(text, row - batch.offsets[e], v);
    }
    return out;
  }
  at::Tensor hidden(const nn::PackedBatch& batch, std::int64_t) override {
    return batch.tokens.to(at::kFloat).unsqueeze(1);
  }
  at::Tensor attention_received(const nn::PackedBatch& batch) override { return at::ones({batch.token_count()}); }
  std::int64_t read() const { return read_; }  ///< Texts that were read in all.

 private:
  bool causal_;
  std::int64_t vocabulary_;
  Logit logit_;
  std::int64_t read_ = 0;
};

}  // namespace discreet::fairness::test
