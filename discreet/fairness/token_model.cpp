#include "discreet/fairness/token_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/kernels/language.h"
#include "discreet/nn/layers/attention.h"
#include "discreet/nn/masked_model.h"
#include "discreet/nn/pretrained/model.h"

namespace discreet::fairness {
namespace {

/// The rows that are asked as segments of their own: nobody records here, but layers want to know.
nn::Rows plain_rows(std::int64_t rows) {
  nn::Segments segments;
  segments.offsets = {0, rows};
  return std::make_shared<const nn::Segments>(std::move(segments));
}

std::shared_ptr<torch::nn::Module> encoder_of(const nn::Model& model) {
  for (const auto& child : model.named_children()) {
    if (child.key() == "encoder") return child.value();
  }
  return nullptr;
}

class ModelTokens final : public TokenModel {
 public:
  ModelTokens(std::shared_ptr<nn::Model> model, TokenModelSizes sizes)
      : model_(std::move(model)), was_training_(model_->is_training()), sizes_(sizes) {
    model_->eval();
    const auto parameters = model_->parameters();
    if (!parameters.empty()) device_ = parameters.front().device();
    encoder_ = std::dynamic_pointer_cast<nn::Encoder>(encoder_of(*model_));
    stack_ = std::dynamic_pointer_cast<nn::PretrainedEncoder>(encoder_);
    folder_ = dynamic_cast<nn::PretrainedModel*>(model_.get());
    masked_ = dynamic_cast<nn::MaskedModel*>(model_.get());
    if (folder_ == nullptr) return;
    const nn::PretrainedHead head = folder_->head().head;
    if (head != nn::PretrainedHead::kMaskedTokens && head != nn::PretrainedHead::kNextToken &&
        head != nn::PretrainedHead::kNone) {
      throw usage_error(folder_->head().class_name + " predicts no tokens",
                        "Name a masked or causal language model.");
    }
    sizes_ = {folder_->source().form.vocabulary, folder_->source().form.longest};
  }
  ~ModelTokens() override { model_->train(was_training_); }

  bool causal() const override {
    if (folder_ != nullptr) return folder_->source().form.causal;
    return masked_ == nullptr;
  }
  std::int64_t vocabulary() const override { return sizes_.vocabulary; }
  std::int64_t longest() const override { return sizes_.longest; }
  std::int64_t layers() const override {
    return stack_ ? static_cast<std::int64_t>(stack_->form().blocks.size()) : 0;
  }
  at::Device device() const override { return device_; }

  at::Tensor logits(const nn::PackedBatch& batch, const at::Tensor& rows) override {
    const at::NoGradGuard no_gradients;
    if (folder_ != nullptr) {
      if (folder_->head().head == nn::PretrainedHead::kNone) {
        throw usage_error(folder_->head().class_name + " has no output layer over its tokens",
                          "Name a folder whose architecture is a masked or causal language model.");
      }
      const at::Tensor hidden = stack_->rows(batch, {}, {});
      return stack_->output_logits(hidden.index_select(0, rows), plain_rows(rows.size(0)));
    }
    if (masked_ != nullptr) return masked_->logits_at(batch, rows);
    return model_->forward(batch).emissions.index_select(0, rows);
  }

  at::Tensor hidden(const nn::PackedBatch& batch, std::int64_t layer) override {
    const at::NoGradGuard no_gradients;
    const std::int64_t count = layers();
    if (layer < -1 || (layer > count && count > 0) || (layer >= 0 && layer != count && count == 0)) {
      throw usage_error(fmt::format("the model gives out no layer {}", layer),
                        count > 0 ? fmt::format("It has 0 (the embedding) to {}; -1 is the last.", count)
                                  : "Only -1, the last one.");
    }
    if (!stack_) {
      if (!encoder_) throw usage_error("the model gives out no rows", "Name a language model.");
      return encoder_->forward(batch, {}, {}).tokens;
    }
    if (layer < 0 || layer == count) return stack_->rows(batch, {}, {});
    std::vector<at::Tensor> all;
    stack_->rows(batch, {}, {}, &all);
    return all[static_cast<std::size_t>(layer)];
  }

  at::Tensor attention_received(const nn::PackedBatch& batch) override {
    const at::NoGradGuard no_gradients;
    if (!stack_) {
      throw usage_error("a model of this kind does not give out its attention",
                        "Name a pretrained folder, or a run whose model came from one.");
    }
    std::vector<at::Tensor> layers;
    stack_->rows(batch, {}, {}, &layers);
    const auto& blocks = stack_->form().blocks;
    at::Tensor sum = at::zeros({batch.token_count()}, layers.front().options());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      sum += received_in_block(static_cast<std::size_t>(blocks[i]), layers[i], batch);
    }
    return sum / static_cast<double>(std::max<std::size_t>(1, blocks.size()));
  }

 private:
  /// [N] in one block, from the rows that go into it.
  at::Tensor received_in_block(std::size_t block, const at::Tensor& x, const nn::PackedBatch& batch) const {
    const nn::PretrainedForm& form = stack_->form();
    const auto children = stack_->blocks()[block]->named_children();
    const nn::Rows& rows = batch.token_segments;
    const at::Tensor input = form.pre_norm ? children["attention_norm"]->as<nn::NormImpl>()->forward(x, rows) : x;
    at::Tensor qkv = children["qkv"]->as<nn::LinearImpl>()->forward(input, rows);
    if (form.rotary) {
      qkv = nn::rotary(qkv, batch, {form.heads + form.kv_heads, form.head_width, 10000, form.rotary_frequencies});
    }
    const std::int64_t part = form.head_width;
    const double scale = form.attention_scales.empty() || form.attention_scales[block] <= 0
                             ? 1 / std::sqrt(static_cast<double>(part))
                             : form.attention_scales[block];
    std::vector<at::Tensor> received;
    for (std::int64_t e = 0; e < batch.examples(); ++e) {
      const std::int64_t first = batch.offsets[e], length = batch.offsets[e + 1] - first;
      if (length == 0) continue;
      const at::Tensor own = qkv.narrow(0, first, length);
      const at::Tensor query = own.narrow(1, 0, form.heads * part).view({length, form.heads, part}).transpose(0, 1);
      const at::Tensor key = own.narrow(1, form.heads * part, form.kv_heads * part)
                                 .view({length, form.kv_heads, part})
                                 .repeat_interleave(form.heads / form.kv_heads, 1)
                                 .transpose(0, 1);
      at::Tensor scores = at::bmm(query, key.transpose(1, 2)) * scale;
      if (form.causal) {
        scores = scores.masked_fill(at::ones({length, length}, scores.options().dtype(at::kBool)).triu(1),
                                    -std::numeric_limits<double>::infinity());
      }
      received.push_back(scores.softmax(2).mean(std::vector<std::int64_t>{0, 1}));
    }
    return received.empty() ? at::empty({0}, x.options()) : at::cat(received);
  }

  std::shared_ptr<nn::Model> model_;
  bool was_training_;
  TokenModelSizes sizes_;
  at::Device device_ = at::kCPU;
  std::shared_ptr<nn::Encoder> encoder_;
  std::shared_ptr<nn::PretrainedEncoder> stack_;
  nn::PretrainedModel* folder_ = nullptr;
  nn::MaskedModel* masked_ = nullptr;
};

/// One question to one row of a text that is read.
struct Ask {
  std::size_t text, place;  ///< Whose, and which of its questions.
  std::int64_t row, id;
};

/// A text that is read, with what everybody asks of it.
struct ReadText {
  const AskedText* text;
  std::vector<Ask> asks;        ///< By row.
  std::int64_t distinct_rows = 0;
};

void check_text(const AskedText& text, const TokenModel& model) {
  const auto length = static_cast<std::int64_t>(text.tokens.size());
  if (text.rows.size() != text.ids.size()) throw internal_error("as many rows must be asked as ids");
  if (!text.types.empty() && text.types.size() != text.tokens.size()) {
    throw internal_error("a text needs as many token types as tokens, or none");
  }
  if (length > model.longest()) {
    throw bad_data(fmt::format("a text has {} tokens, the model reads {} at most", length, model.longest()),
                   "Shorten it, or take a model with more positions.");
  }
  for (std::size_t k = 0; k < text.rows.size(); ++k) {
    if (text.rows[k] < 0 || text.rows[k] >= length || text.ids[k] < 0 || text.ids[k] >= model.vocabulary()) {
      throw internal_error(fmt::format("row {} of {} is asked for token {} of {}", text.rows[k], length,
                                       text.ids[k], model.vocabulary()));
    }
  }
}

std::vector<ReadText> texts_to_read(const TokenModel& model, std::span<const AskedText> texts, bool share) {
  std::vector<ReadText> read;
  std::map<std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>, std::size_t> known;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const AskedText& text = texts[i];
    check_text(text, model);
    if (text.rows.empty()) continue;
    std::size_t at = read.size();
    if (share) at = known.try_emplace({text.tokens, text.types}, at).first->second;
    if (at == read.size()) read.push_back({&text, {}, 0});
    for (std::size_t k = 0; k < text.rows.size(); ++k) read[at].asks.push_back({i, k, text.rows[k], text.ids[k]});
  }
  for (ReadText& text : read) {
    std::stable_sort(text.asks.begin(), text.asks.end(), [](const Ask& a, const Ask& b) { return a.row < b.row; });
    for (std::size_t k = 0; k < text.asks.size(); ++k) {
      text.distinct_rows += k == 0 || text.asks[k].row != text.asks[k - 1].row;
    }
  }
  return read;
}

nn::PackedBatch pack_texts(const std::vector<const AskedText*>& texts, const at::Device& device) {
  nn::EncodedExamples data;
  bool types = false;
  for (const AskedText* text : texts) types = types || !text->types.empty();
  for (const AskedText* text : texts) {
    data.tokens.insert(data.tokens.end(), text->tokens.begin(), text->tokens.end());
    if (types && text->types.empty()) data.token_types.resize(data.tokens.size(), 0);
    else data.token_types.insert(data.token_types.end(), text->types.begin(), text->types.end());
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  std::vector<std::int64_t> all(texts.size());
  std::iota(all.begin(), all.end(), 0);
  const nn::PackedBatch batch = nn::collate(data, all);
  return device.is_cpu() ? batch : nn::to_device(batch, device);
}

/// Asks `batch` of texts; `rows` are the distinct ones that are asked, of all texts end to end.
void answer_batch(TokenModel& model, std::span<const ReadText> texts, std::vector<std::vector<double>>& answers) {
  std::vector<const AskedText*> read;
  std::vector<std::int64_t> rows;
  std::vector<std::vector<Ask>> by_row;
  std::int64_t first = 0;
  for (const ReadText& text : texts) {
    read.push_back(text.text);
    for (const Ask& ask : text.asks) {
      if (rows.empty() || rows.back() != first + ask.row) {
        rows.push_back(first + ask.row);
        by_row.emplace_back();
      }
      by_row.back().push_back(ask);
    }
    first += static_cast<std::int64_t>(text.text->tokens.size());
  }
  const at::NoGradGuard no_gradients;
  const at::Tensor places = at::tensor(rows, at::kLong).to(model.device());
  const at::Tensor logits =
      model.logits(pack_texts(read, model.device()), places).to(at::kCPU, at::kFloat).contiguous();
  float* const values = logits.data_ptr<float>();
  const std::int64_t columns = logits.size(1);
  at::parallel_for(0, static_cast<std::int64_t>(rows.size()), 16, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t r = from; r < to; ++r) {
      float* const row = values + r * columns;
      const std::vector<Ask>& asks = by_row[static_cast<std::size_t>(r)];
      std::vector<double> asked;
      for (const Ask& ask : asks) asked.push_back(row[ask.id]);
      // The loss of one token is the logarithm of the sum less its own logit; the row may be lost by it.
      const double loss = nn::kernels::cross_entropy_in_place(row, columns, asks.front().id, 0.0F);
      const double log_sum = loss + asked.front();
      for (std::size_t k = 0; k < asks.size(); ++k) answers[asks[k].text][asks[k].place] = asked[k] - log_sum;
    }
  });
}

void answer_plainly(TokenModel& model, const AskedText& text, std::vector<double>& answers) {
  const at::NoGradGuard no_gradients;
  const at::Tensor all =
      at::arange(static_cast<std::int64_t>(text.tokens.size()), at::TensorOptions(at::kLong).device(model.device()));
  const at::Tensor logs = model.logits(pack_texts({&text}, model.device()), all).log_softmax(1);
  for (std::size_t k = 0; k < text.rows.size(); ++k) answers[k] = logs[text.rows[k]][text.ids[k]].item<double>();
}

}  // namespace

std::unique_ptr<TokenModel> make_token_model(std::shared_ptr<nn::Model> model, TokenModelSizes sizes) {
  return std::make_unique<ModelTokens>(std::move(model), sizes);
}

std::vector<std::vector<double>> log_probs(TokenModel& model, std::span<const AskedText> texts,
                                           const AskOptions& options) {
  std::vector<std::vector<double>> answers;
  for (const AskedText& text : texts) answers.emplace_back(text.rows.size());
  const std::vector<ReadText> read = texts_to_read(model, texts, options.share_equal);
  for (std::size_t i = 0; options.plain && i < texts.size(); ++i) {
    if (!texts[i].rows.empty()) answer_plainly(model, texts[i], answers[i]);
  }
  if (options.plain) return answers;
  for (std::size_t begin = 0, end = 0; begin < read.size(); begin = end) {
    std::int64_t tokens = 0, rows = 0;
    do {
      tokens += static_cast<std::int64_t>(read[end].text->tokens.size());
      rows += read[end].distinct_rows;
      ++end;
    } while (end < read.size() &&
             tokens + static_cast<std::int64_t>(read[end].text->tokens.size()) <= options.tokens &&
             (rows + read[end].distinct_rows) * model.vocabulary() <= options.logits);
    answer_batch(model, {read.data() + begin, end - begin}, answers);
    if (options.progress && !options.progress(end * texts.size() / read.size())) {
      throw Error(ErrorCode::kInterrupted, "interrupted", "Nothing was written.");
    }
  }
  return answers;
}

nn::PackedBatch pack(std::span<const AskedText> texts, const at::Device& device) {
  std::vector<const AskedText*> pointers;
  for (const AskedText& text : texts) pointers.push_back(&text);
  return pack_texts(pointers, device);
}

void for_each_batch(TokenModel& model, std::span<const AskedText> texts, std::int64_t tokens,
                    const std::function<void(const nn::PackedBatch&, std::size_t, std::size_t)>& body) {
  for (std::size_t begin = 0, end = 0; begin < texts.size(); begin = end) {
    std::int64_t sum = 0;
    do {
      check_text(texts[end], model);
      sum += static_cast<std::int64_t>(texts[end++].tokens.size());
    } while (end < texts.size() && sum + static_cast<std::int64_t>(texts[end].tokens.size()) <= tokens);
    body(pack(texts.subspan(begin, end - begin), model.device()), begin, end);
  }
}

}  // namespace discreet::fairness
