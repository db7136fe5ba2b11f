// Pretrained forms against what transformers computes: rows of every layer, logits, loss and each
// parameter's gradient. Small random models: tests/golden/models (tools/golden/models.py made them) and
// golden/tiny of the test data; trained ones: models of the test data. Tolerance 1e-4, absolute and
// relative.
#include <cstdlib>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/safetensors.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"
#include "tests/nn/support.h"

namespace discreet::nn::test {
namespace {
namespace fs = std::filesystem;

constexpr double kTolerance = 1e-4;

struct Golden {
  std::string name;
  fs::path folder;
};

std::vector<Golden> goldens() {
  std::vector<Golden> found;
  std::vector<fs::path> roots{fs::path(DISCREET_SOURCE_DIR) / "tests/golden/models"};
  if (const char* data = std::getenv("DISCREET_DATA")) roots.push_back(fs::path(data) / "golden/tiny");
  for (const fs::path& root : roots) {
    if (!fs::is_directory(root)) continue;
    for (const auto& entry : fs::directory_iterator(root)) {
      const std::string name = entry.path().filename().string();
      const bool pairs = name.starts_with("bart") || name.starts_with("t5");
      if (!entry.is_directory() || pairs) continue;
      found.push_back({root.parent_path().filename().string() + "_" + name, entry.path()});
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::map<std::string, at::Tensor> tensors_of(const fs::path& file) {
  const NamedTensors read = read_tensors(file);
  return {read.begin(), read.end()};
}

/// Padded rows as examples without padding.
struct PackedGolden {
  PackedBatch batch;
  at::Tensor kept;  // bool, over the flattened padded rows
};

PackedGolden pack(const std::map<std::string, at::Tensor>& io, const std::string& prefix = "") {
  const at::Tensor ids = io.at(prefix + "input_ids"), mask = io.at(prefix + "attention_mask").ne(0);
  EncodedExamples data;
  for (std::int64_t e = 0; e < ids.size(0); ++e) {
    for (std::int64_t t = 0; t < ids.size(1); ++t) {
      if (!mask[e][t].item<bool>()) continue;
      data.tokens.push_back(ids[e][t].item<std::int64_t>());
      if (io.count("token_type_ids") > 0) {
        data.token_types.push_back(io.at("token_type_ids")[e][t].item<std::int64_t>());
      }
    }
    data.offsets.push_back(static_cast<std::int64_t>(data.tokens.size()));
  }
  return {collate_all(data), mask.flatten()};
}

at::Tensor kept_rows(const at::Tensor& padded, const at::Tensor& kept) {
  return padded.flatten(0, 1).index({kept});
}

void expect_near(const at::Tensor& got, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(got.sizes(), expected.sizes()) << what;
  EXPECT_TRUE(at::allclose(got.detach(), expected, kTolerance, kTolerance))
      << what << " differs by " << (got.detach() - expected).abs().max().item<double>();
}

/// The loss as transformers has it: a mean over all labels of the batch.
at::Tensor golden_loss(const PretrainedModel& model, const ModelOutput& out,
                       const std::map<std::string, at::Tensor>& io) {
  if (model.head().head == PretrainedHead::kSequence) {
    return at::cross_entropy_loss(out.intent_logits, io.at("labels"));
  }
  at::Tensor labels = io.at("labels");
  if (model.head().head == PretrainedHead::kNextToken) {
    at::Tensor next = at::full_like(labels, -100);
    next.narrow(1, 0, labels.size(1) - 1).copy_(labels.narrow(1, 1, labels.size(1) - 1));
    labels = next;
  }
  return at::cross_entropy_loss(out.emissions, kept_rows(labels, io.at("attention_mask").ne(0).flatten()));
}

/// Gradients under the file's names: put in the place of the parameters, they go its way.
std::map<std::string, at::Tensor> gradients_by_file_name(PretrainedModel& model) {
  {
    const at::NoGradGuard no_gradients;
    for (at::Tensor& parameter : model.parameters()) {
      const at::Tensor gradient = parameter.grad();
      parameter.copy_(gradient.defined() ? gradient : at::zeros_like(parameter));
    }
  }
  const NamedTensors named = weights_for_file(model, model.source(), model.head());
  return {named.begin(), named.end()};
}

class PretrainedGolden : public ::testing::TestWithParam<Golden> {
 protected:
  PretrainedGolden() { dp::tensor_registry(); }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PretrainedGolden);

TEST_P(PretrainedGolden, RowsLogitsLossAndGradients) {
  const auto io = tensors_of(GetParam().folder / "io.safetensors");
  const Json expected = core::parse_json(core::read_file(GetParam().folder / "expected.json"), "expected");
  const auto model = open_pretrained(GetParam().folder);
  const PackedGolden packed = pack(io);
  std::vector<at::Tensor> layers;
  {
    const at::NoGradGuard no_gradients;
    model->encoder().rows(packed.batch, {}, {}, &layers);
  }
  for (std::size_t i = 0; io.count("hidden_" + std::to_string(i)) > 0; ++i) {
    const std::string name = "hidden_" + std::to_string(i);
    ASSERT_LT(i, layers.size());
    expect_near(layers[i], kept_rows(io.at(name), packed.kept), name);
  }
  const ModelOutput out = model->forward(packed.batch);
  if (model->head().head == PretrainedHead::kSequence) {
    expect_near(out.intent_logits, io.at("logits"), "logits");
  } else if (model->head().head == PretrainedHead::kSpan) {
    expect_near(out.emissions.select(1, 0), kept_rows(io.at("start_logits").unsqueeze(2), packed.kept).squeeze(1),
                "start_logits");
    expect_near(out.emissions.select(1, 1), kept_rows(io.at("end_logits").unsqueeze(2), packed.kept).squeeze(1),
                "end_logits");
  } else {
    expect_near(out.emissions, kept_rows(io.at("logits"), packed.kept), "logits");
  }
  // The loss of spans there is over padding too: its logits and gradients are no example's.
  if (model->head().head == PretrainedHead::kSpan) return;
  const at::Tensor loss = golden_loss(*model, out, io);
  EXPECT_NEAR(loss.item<double>(), expected["loss"].get<double>(), kTolerance);
  loss.backward();
  const auto gradients = gradients_by_file_name(*model);
  std::size_t compared = 0;
  for (const auto& [name, norm_and_sum] : expected["gradients"].items()) {
    const auto found = gradients.find(name);
    ASSERT_NE(found, gradients.end()) << name;
    ++compared;
    const double norm = norm_and_sum[0].get<double>();
    EXPECT_NEAR(found->second.norm().item<double>(), norm, kTolerance * (1 + norm)) << name;
    EXPECT_NEAR(found->second.sum().item<double>(), norm_and_sum[1].get<double>(), kTolerance * (1 + 10 * norm))
        << name;
  }
  EXPECT_EQ(compared, gradients.size());
}

TEST_P(PretrainedGolden, PaddingOnTheLeftIsNoPaddingAtAll) {
  const auto io = tensors_of(GetParam().folder / "io.safetensors");
  if (io.count("left_input_ids") == 0) return;  // for causal forms alone
  const auto model = open_pretrained(GetParam().folder);
  const PackedGolden packed = pack(io, "left_");
  const at::NoGradGuard no_gradients;
  expect_near(model->forward(packed.batch).emissions, kept_rows(io.at("left_logits"), packed.kept), "logits");
}

TEST_P(PretrainedGolden, WritesWhatItReadBitForBit) {
  const auto model = open_pretrained(GetParam().folder);
  const fs::path copy = fs::path(::testing::TempDir()) / ("discreet-copy-" + GetParam().name);
  save_pretrained(copy, *model);
  const auto before = tensors_of(GetParam().folder / "model.safetensors"),
             after = tensors_of(copy / "model.safetensors");
  for (const auto& [name, tensor] : before) {
    ASSERT_TRUE(after.count(name) > 0) << name;
    EXPECT_TRUE(at::equal(tensor, after.at(name))) << name;
  }
  EXPECT_EQ(before.size(), after.size());
  const auto again = open_pretrained(copy);
  const PackedGolden packed = pack(tensors_of(GetParam().folder / "io.safetensors"));
  const at::NoGradGuard no_gradients;
  const ModelOutput a = model->forward(packed.batch), b = again->forward(packed.batch);
  EXPECT_TRUE(a.emissions.defined() ? at::equal(a.emissions, b.emissions)
                                    : at::equal(a.intent_logits, b.intent_logits));
  fs::remove_all(copy);
}

INSTANTIATE_TEST_SUITE_P(Forms, PretrainedGolden, ::testing::ValuesIn(goldens()),
                         [](const auto& info) { return info.param.name; });

// Trained models of the test data.

std::vector<double> numbers(const Json& list) { return list.get<std::vector<double>>(); }

void expect_layer(const at::Tensor& rows, const Json& expected, const std::string& what) {
  const std::int64_t count = rows.size(0);
  ASSERT_EQ(static_cast<std::int64_t>(expected["sum"].size()), count) << what;
  for (std::int64_t t = 0; t < count; ++t) {
    const at::Tensor row = rows[t].to(at::kDouble);
    const double norm = expected["l2"][t].get<double>();
    EXPECT_NEAR(row.norm().item<double>(), norm, kTolerance * (1 + norm)) << what << " row " << t;
    EXPECT_NEAR(row.sum().item<double>(), expected["sum"][t].get<double>(), kTolerance * (1 + 10 * norm))
        << what << " row " << t;
    const auto first = numbers(expected["first8"][t]);
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_NEAR(row[static_cast<std::int64_t>(i)].item<double>(), first[i],
                  kTolerance * (1 + std::abs(first[i])))
          << what << " row " << t;
    }
  }
}

void expect_logits(const at::Tensor& logits, const Json& expected) {
  for (std::int64_t t = 0; t < logits.size(0); ++t) {
    const at::Tensor row = logits[t].to(at::kDouble);
    const auto [values, ids] = row.topk(5);
    for (std::int64_t k = 0; k < 5; ++k) {
      EXPECT_EQ(ids[k].item<std::int64_t>(), expected["ids"][t][k].get<std::int64_t>());
      const double value = expected["values"][t][k].get<double>();
      EXPECT_NEAR(values[k].item<double>(), value, kTolerance * (1 + std::abs(value)));
    }
    const double lse = expected["logsumexp"][t].get<double>();
    EXPECT_NEAR(row.logsumexp(0).item<double>(), lse, kTolerance * (1 + std::abs(lse)));
    // A sum of tens of thousands of float32 logits: relative to their magnitudes.
    EXPECT_NEAR(row.sum().item<double>(), expected["sum"][t].get<double>(),
                3e-6 * row.abs().sum().item<double>() + kTolerance);
  }
}

class TrainedGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainedGolden, RowsAndLogits) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
  dp::tensor_registry();
  const std::string& name = GetParam();
  const fs::path folder = fs::path(data) / "models" / name;
  const Json golden =
      core::parse_json(core::read_file(fs::path(data) / "golden/models" / (name + ".json")), name);
  const auto model = open_pretrained(folder);
  const at::NoGradGuard no_gradients;
  for (const Json& expected : golden["cases"]) {
    EncodedExamples examples;
    examples.tokens = expected["input_ids"].get<std::vector<std::int64_t>>();
    examples.offsets.push_back(static_cast<std::int64_t>(examples.tokens.size()));
    const PackedBatch batch = collate_all(examples);
    std::vector<at::Tensor> layers;
    model->encoder().rows(batch, {}, {}, &layers);
    for (const Json& layer : expected["hidden_states"]) {
      const auto number = layer["layer"].get<std::size_t>();
      expect_layer(layers.at(number), layer, "layer " + std::to_string(number));
    }
    const ModelOutput out = model->forward(batch);
    if (expected.contains("logits")) {
      const auto logits = numbers(expected["logits"]);
      for (std::size_t i = 0; i < logits.size(); ++i) {
        EXPECT_NEAR(out.intent_logits[0][static_cast<std::int64_t>(i)].item<double>(), logits[i], kTolerance);
      }
    }
    if (expected.contains("top5")) expect_logits(out.emissions, expected["top5"]);
    if (expected.contains("loss")) {
      const std::int64_t last = batch.token_count() - 1;
      const at::Tensor loss =
          at::cross_entropy_loss(out.emissions.narrow(0, 0, last), batch.tokens.narrow(0, 1, last));
      EXPECT_NEAR(loss.item<double>(), expected["loss"].get<double>(), kTolerance * 5);
    }
    if (expected.contains("embedding")) {
      at::Tensor mean = pool(out.emissions, batch, Pooling::kMean)[0];
      mean = mean / mean.norm();
      const auto vector = numbers(expected["embedding"]);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        EXPECT_NEAR(mean[static_cast<std::int64_t>(i)].item<double>(), vector[i], kTolerance);
      }
    }
  }
}

/// smollm2_135m is too large to be among the test data: it is tested where someone put it there.
std::vector<std::string> trained_models() {
  std::vector<std::string> names{"bert_tiny_mlm", "bert_tiny_splade", "bert_tiny_sst2", "minilm_l6_v2",
                                 "stories260k"};
  const char* data = std::getenv("DISCREET_DATA");
  if (data != nullptr && fs::is_directory(fs::path(data) / "models/smollm2_135m")) {
    names.push_back("smollm2_135m");
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, TrainedGolden, ::testing::ValuesIn(trained_models()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace discreet::nn::test
