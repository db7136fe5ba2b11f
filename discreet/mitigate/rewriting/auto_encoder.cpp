#include "discreet/mitigate/rewriting/auto_encoder.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/layers/loss.h"
#include "discreet/nn/layers/pool.h"
#include "discreet/nn/optimizer.h"

namespace discreet::mitigate {
namespace {

using Ids = std::vector<std::vector<std::int64_t>>;

nn::PackedBatch packed(const Ids& tokens, const Ids* tags) {
  nn::EncodedExamples data;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    data.tokens.insert(data.tokens.end(), tokens[i].begin(), tokens[i].end());
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
    if (tags != nullptr) data.tags.insert(data.tags.end(), (*tags)[i].begin(), (*tags)[i].end());
  }
  std::vector<std::int64_t> all(tokens.size());
  std::iota(all.begin(), all.end(), 0);
  return nn::collate(data, all);
}

/// Rows of `x` [B, n] scaled to norm at most `clip`.
at::Tensor clipped(const at::Tensor& x, double clip, bool l1) {
  const at::Tensor norm = l1 ? x.abs().sum(1, true) : x.square().sum(1, true).clamp_min(1e-24).sqrt();
  return x * (clip / norm.clamp_min(clip));
}

nn::NamedTensors parameters_of(const AutoEncoder& model) {
  nn::NamedTensors tensors;
  for (const auto& item : model.named_parameters()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

}  // namespace

AutoEncoder::AutoEncoder(const AutoEncoderForm& form, core::ReproducibleRng& rng) : form_(form) {
  words_ = register_module("words", nn::Embedding(nn::EmbeddingOptions{.entries = form.vocabulary + 1, .width = form.embedding}, rng));
  reader_ = register_module("reader", nn::Gru(nn::GruOptions{form.embedding, form.hidden, true}, rng));
  bottleneck_ = register_module("bottleneck", nn::Linear(nn::LinearOptions{2 * form.hidden, form.context}, rng));
  writer_ = register_module("writer", nn::Gru(nn::GruOptions{form.embedding + form.context, form.hidden, false}, rng));
  output_ = register_module("output", nn::Linear(nn::LinearOptions{form.hidden, form.vocabulary + 1}, rng));
}

at::Tensor AutoEncoder::contexts(const Ids& texts) {
  const nn::PackedBatch batch = packed(texts, nullptr);
  const at::Tensor rows = reader_->forward(words_->forward(batch.tokens, batch.token_segments), batch);
  const at::Tensor ends = nn::pool(rows, batch, nn::Pooling::kEnds);
  return clipped(bottleneck_->forward(ends, batch.example_segments), form_.clip, form_.l1);
}

at::Tensor AutoEncoder::losses(const at::Tensor& contexts, const Ids& texts, const Ids& seen) {
  Ids before, next;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    before.push_back({form_.vocabulary});
    before.back().insert(before.back().end(), seen[i].begin(), seen[i].end());
    next.push_back(texts[i]);
    next.back().push_back(form_.vocabulary);
  }
  const nn::PackedBatch batch = packed(before, &next);
  const at::Tensor words = words_->forward(batch.tokens, batch.token_segments);
  const at::Tensor rows = writer_->forward(at::cat({words, nn::spread(contexts, batch)}, 1), batch);
  return nn::token_cross_entropy(output_->forward(rows, batch.token_segments), batch);
}

Ids AutoEncoder::write(const at::Tensor& contexts) {
  const at::NoGradGuard no_gradients;
  const std::int64_t n = contexts.size(0);
  const nn::GruWeights& w = writer_->directions.front();
  at::Tensor state = at::zeros({n, form_.hidden}, at::kFloat);
  at::Tensor word = at::full({n}, form_.vocabulary, at::kLong);
  Ids texts(static_cast<std::size_t>(n));
  std::vector<std::uint8_t> ended(static_cast<std::size_t>(n), 0);
  for (std::int64_t t = 0; t < form_.longest && std::count(ended.begin(), ended.end(), 0) > 0; ++t) {
    const at::Tensor x = at::cat({words_->weight.index_select(0, word), contexts}, 1);
    state = at::gru_cell(x, state, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh);
    at::Tensor logits = at::addmm(output_->bias, state, output_->weight.t());
    logits.select(1, text::Vocabulary::kUnknown).fill_(-1e30);  // nobody can read it
    word = logits.argmax(1);
    const auto* ids = word.const_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < n; ++i) {
      if (ids[i] == form_.vocabulary) ended[static_cast<std::size_t>(i)] = 1;
      if (ended[static_cast<std::size_t>(i)] == 0) texts[static_cast<std::size_t>(i)].push_back(ids[i]);
    }
  }
  return texts;
}

std::vector<std::int64_t> Rewriter::ids(std::span<const std::string> words) const {
  std::vector<std::int64_t> ids = vocabulary.ids(words);
  if (static_cast<std::int64_t>(ids.size()) > model->form().longest) ids.resize(static_cast<std::size_t>(model->form().longest));
  return ids;
}

Rewriter train_rewriter(const std::vector<std::vector<std::string>>& texts, AutoEncoderForm form, std::int64_t most_words,
                        std::int64_t least_count, const AutoEncoderTraining& training,
                        const std::function<void(std::int64_t, double)>& log) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& text : texts) {
    for (const std::string& word : text) ++counts[word];
  }
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [word, count] : counts) {
    if (count >= least_count) order.emplace_back(-count, word);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> words;
  for (const auto& [count, word] : order) {
    if (static_cast<std::int64_t>(words.size()) < most_words) words.push_back(word);
  }
  if (words.empty()) throw bad_data("no word of the training texts is frequent enough", "Lower --least-count, or take more texts.");
  Rewriter rewriter{.vocabulary = text::Vocabulary::from_words(words, text::VocabularyKind::kText, "training texts"), .model = nullptr};
  form.vocabulary = rewriter.vocabulary.size();
  core::ReproducibleRng rng(training.seed, "auto-encoder");
  rewriter.model = std::make_shared<AutoEncoder>(form, rng);
  AutoEncoder& model = *rewriter.model;
  Ids all;
  for (const auto& text : texts) {
    if (!text.empty()) all.push_back(rewriter.ids(text));
  }
  nn::Optimizer optimizer(parameters_of(model), {.kind = nn::parse_optimizer("adam")});
  std::vector<std::size_t> turn(all.size());
  std::iota(turn.begin(), turn.end(), 0u);
  for (std::int64_t epoch = 0; epoch < training.epochs; ++epoch) {
    core::shuffle(std::span(turn), rng);
    double sum = 0;
    for (std::size_t begin = 0; begin < turn.size(); begin += static_cast<std::size_t>(training.batch_size)) {
      Ids batch, seen;
      for (std::size_t k = begin; k < std::min(turn.size(), begin + static_cast<std::size_t>(training.batch_size)); ++k) {
        batch.push_back(all[turn[k]]);
        seen.push_back(batch.back());
        for (std::int64_t& id : seen.back()) {
          if (rng.uniform() < training.word_dropout) id = text::Vocabulary::kUnknown;
        }
      }
      at::Tensor contexts = model.contexts(batch);
      if (training.noise > 0) {
        const at::Tensor noise = at::empty_like(contexts.detach());
        float* values = noise.data_ptr<float>();
        for (std::int64_t i = 0; i < noise.numel(); ++i) values[i] = static_cast<float>(training.noise * rng.normal());
        contexts = contexts + noise;
      }
      const at::Tensor loss = model.losses(contexts, batch, seen);
      sum += loss.sum().item<double>();
      loss.mean().backward();
      std::vector<at::Tensor> gradients;
      double square = 0;
      for (const auto& [name, parameter] : optimizer.parameters()) {
        gradients.push_back(parameter.grad());
        if (gradients.back().defined()) square += gradients.back().square().sum().item<double>();
      }
      if (const double norm = std::sqrt(square); norm > 1) {
        for (at::Tensor& gradient : gradients) {
          if (gradient.defined()) gradient.mul_(1 / norm);
        }
      }
      optimizer.step(gradients, training.learning_rate);
      for (const auto& [name, parameter] : optimizer.parameters()) parameter.mutable_grad().reset();
    }
    if (log) log(epoch + 1, sum / static_cast<double>(all.size()));
  }
  return rewriter;
}

std::vector<std::vector<std::string>> rewrite(Rewriter& rewriter, const std::vector<std::vector<std::string>>& texts,
                                              const ContextNoise& noise, core::SecureRng& rng) {
  const at::NoGradGuard no_gradients;
  const std::int64_t n = static_cast<std::int64_t>(texts.size()), width = rewriter.model->form().context;
  const at::Tensor contexts = at::zeros({n, width}, at::kFloat);
  Ids written_from;
  std::vector<std::int64_t> place;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<std::int64_t> ids = rewriter.ids(texts[static_cast<std::size_t>(i)]);
    if (ids.empty()) continue;
    written_from.push_back(std::move(ids));
    place.push_back(i);
  }
  if (!place.empty()) {
    const at::Tensor made = rewriter.model->contexts(written_from);
    for (std::size_t k = 0; k < place.size(); ++k) contexts.select(0, place[k]).copy_(made.select(0, static_cast<std::int64_t>(k)));
  }
  float* values = contexts.data_ptr<float>();
  std::vector<double> row(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k) row[static_cast<std::size_t>(k)] = values[i * width + k];
    noise.release(row, rng);
    for (std::int64_t k = 0; k < width; ++k) values[i * width + k] = static_cast<float>(row[static_cast<std::size_t>(k)]);
  }
  std::vector<std::vector<std::string>> result;
  for (const auto& ids : rewriter.model->write(contexts)) {
    result.emplace_back();
    for (const std::int64_t id : ids) result.back().push_back(rewriter.vocabulary.word(id));
  }
  return result;
}

void save_rewriter(const std::filesystem::path& folder, const Rewriter& rewriter) {
  const AutoEncoderForm& form = rewriter.model->form();
  const Json document = {{"format", "discreet-rewriter"}, {"embedding", form.embedding}, {"hidden", form.hidden}, {"context", form.context},
                         {"clip", form.clip}, {"norm", form.l1 ? "l1" : "l2"}, {"longest", form.longest},
                         {"vocabulary", rewriter.vocabulary.to_json()}};
  core::write_folder_atomically(folder, [&](const std::filesystem::path& inner) {
    core::write_file_atomically(inner / "rewriter.json", document.dump(1) + "\n");
    nn::write_tensors(inner / "model.safetensors", parameters_of(*rewriter.model));
  });
}

Rewriter load_rewriter(const std::filesystem::path& folder) {
  const std::string file = (folder / "rewriter.json").string();
  if (!std::filesystem::exists(file)) {
    throw usage_error(folder.string() + ": is no auto-encoder that rewrites texts", "discreet mitigate train-rewriter makes one.");
  }
  const Json document = core::parse_json(core::read_file(file), file);
  AutoEncoderForm form;
  Rewriter rewriter;
  try {
    rewriter.vocabulary = text::Vocabulary::from_json(document.at("vocabulary"), file);
    form = {.vocabulary = rewriter.vocabulary.size(),
            .embedding = document.at("embedding").get<std::int64_t>(),
            .hidden = document.at("hidden").get<std::int64_t>(),
            .context = document.at("context").get<std::int64_t>(),
            .clip = document.at("clip").get<double>(),
            .l1 = document.at("norm").get<std::string>() == "l1",
            .longest = document.at("longest").get<std::int64_t>()};
  } catch (const Json::exception& error) {
    throw bad_data(fmt::format("{}: {}", file, error.what()));
  }
  const std::int64_t most = 1 << 20;
  for (const std::int64_t size : {form.embedding, form.hidden, form.context, form.longest}) {
    if (size < 1 || size > most) throw bad_data(fmt::format("{}: a size of {} is outside 1 to {}", file, size, most));
  }
  if (!(form.clip > 0)) throw bad_data(file + ": clip is not above 0");
  core::ReproducibleRng rng(0, "auto-encoder");
  rewriter.model = std::make_shared<AutoEncoder>(form, rng);
  const nn::NamedTensors saved = nn::read_tensors(folder / "model.safetensors");
  const at::NoGradGuard no_gradients;
  for (const auto& [name, parameter] : parameters_of(*rewriter.model)) {
    const auto found = std::find_if(saved.begin(), saved.end(), [&](const auto& entry) { return entry.first == name; });
    if (found == saved.end() || found->second.sizes() != parameter.sizes()) {
      throw bad_data(fmt::format("{}: tensor '{}' is missing or of another shape", (folder / "model.safetensors").string(), name));
    }
    parameter.copy_(found->second);
  }
  return rewriter;
}

}  // namespace discreet::mitigate
