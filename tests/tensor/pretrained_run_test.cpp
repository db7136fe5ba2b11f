// Runs that start from a folder in the Hugging Face layout: resumed to the same bytes, privately, frozen,
// with adapters; evaluated and exported from the run directory alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>

#include "discreet/app/loader.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "discreet/formats/weight_folder.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/pretrained/adapter.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/core/temporary_folder.h"
#include "tests/nn/tiny_pretrained.h"
#include "tests/tensor/child_operation.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;
using testing::call_in_child;
using testing::saved_weights;

/// Every word in letters: all that an uncased BERT's tokenizer needs.
std::vector<std::string> letter_vocabulary() {
  std::vector<std::string> words{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "'", "-", ".", ","};
  for (const std::string prefix : {"", "##"}) {
    for (char c = 'a'; c <= 'z'; ++c) words.push_back(prefix + c);
    for (char c = '0'; c <= '9'; ++c) words.push_back(prefix + c);
  }
  return words;
}

void make_base(const fs::path& folder, const std::string& type, const std::string& class_name) {
  app::load_tensor_library();
  const auto words = letter_vocabulary();
  nn::PretrainedSource source = nn::open_source(nn::test::tiny_pretrained(
      type, static_cast<std::int64_t>(words.size()),
      {{"architectures", {class_name}}, {"max_position_embeddings", 200}, {"n_positions", 200}}));
  const nn::HeadForm head = nn::head_of(source.architecture, source.config);
  core::ReproducibleRng rng(4, "base");
  const auto model = std::make_shared<nn::PretrainedModel>(std::move(source), head, rng);
  nn::save_pretrained(folder, *model);
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  core::write_file_atomically(folder / "vocab.txt", text);
}

Json pretrained_request(const fs::path& run, const fs::path& base, const std::vector<std::string>& more) {
  Json request = {{"run", run.string()},
                  {"set",
                   {"task=text-classification", "data.train=assistant:lines=40", "model.path=" + base.string(),
                    "train.threads=1", "train.batch_size=8", "train.steps=4", "train.learning_rate=0.01"}}};
  for (const std::string& assignment : more) request["set"].push_back(assignment);
  return request;
}

const std::vector<std::string> kDpSgd = {"privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
                                         "privacy.delta=1e-3", "privacy.accountant=rdp",
                                         "privacy.insecure_seed=7"};

std::vector<std::string> and_privately(std::vector<std::string> more) {
  more.insert(more.end(), kDpSgd.begin(), kDpSgd.end());
  return more;
}

class PretrainedRun : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(PretrainedRun, ResumedEndsAsIfItHadNotStoppedAndNeedsItsFolderAlone) {
  const core::TemporaryFolder folder;
  make_base(folder / "base", "bert", "BertForMaskedLM");
  ASSERT_EQ(call_in_child("train", pretrained_request(folder / "whole", folder / "base", GetParam())), 0);
  const std::atomic<int> stop{SIGINT};
  ASSERT_EQ(call_in_child("train", pretrained_request(folder / "cut", folder / "base", GetParam()), &stop), 130);
  ASSERT_EQ(call_in_child("resume", {{"run", (folder / "cut").string()}}), 0);
  EXPECT_EQ(saved_weights(folder / "cut"), saved_weights(folder / "whole"));
  fs::remove_all(folder / "base");
  EXPECT_EQ(call_in_child("eval", {{"run", (folder / "cut").string()}, {"data", "assistant:lines=20"}}), 0);
}

const std::vector<std::string> kHeads = {"train.trainable=[\"intent_head.*\"]", "model.dropout=0.2"};

INSTANTIATE_TEST_SUITE_P(
    Ways, PretrainedRun,
    ::testing::Values(std::vector<std::string>{"train.layer_decay=0.7", "train.recompute=true", "model.dropout=0.1"},
                      and_privately({"train.recompute=true", "model.dropout=0.1"}), kHeads, and_privately(kHeads),
                      and_privately({"model.lora_rank=2", "model.lora_targets=[\"*.qkv\"]",
                                     "train.trainable=[\"intent_head.*\"]"})));

/// Logits of a few token ids, by a model as a run has it.
at::Tensor logits_of(nn::Model& model) {
  const at::NoGradGuard no_gradients;
  const nn::EncodedExamples data{{2, 9, 50, 11, 3, 2, 30, 3}, {0, 5, 8}, {}, {}};
  return model.forward(nn::collate(data, std::vector<std::int64_t>{0, 1})).intent_logits;
}

TEST(PretrainedExport, TheClassThatIsWrittenComputesTheSame) {
  for (const auto& [type, class_name] : {std::pair{"bert", "BertModel"}, {"distilbert", "DistilBertForMaskedLM"},
                                         {"albert", "AlbertModel"}, {"roberta", "RobertaModel"}}) {
    const core::TemporaryFolder folder;
    make_base(folder / "base", type, class_name);
    ASSERT_EQ(call_in_child("train", pretrained_request(folder / "run", folder / "base", {})), 0) << type;
    ASSERT_EQ(call_in_child("model-export", {{"run", (folder / "run").string()}, {"out", (folder / "out").string()}}), 0);
    EXPECT_TRUE(fs::exists(folder / "out" / "vocab.txt"));
    const app::RunModel run = app::open_run_model(folder / "run");
    const auto exported = nn::open_pretrained(folder / "out");
    EXPECT_EQ(exported->head().head, nn::PretrainedHead::kSequence);
    EXPECT_EQ(exported->source().config.labels, run.encoder.intents.names());
    EXPECT_TRUE(at::equal(logits_of(*run.model), logits_of(*exported))) << type;
    // What the exported model saw is known where another run begins with it.
    EXPECT_EQ(call_in_child("train", pretrained_request(folder / "again", folder / "out",
                                                        {"privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
                                                         "privacy.delta=1e-3", "train.batch_size=2"})), 5);
    // What is there stays there.
    EXPECT_EQ(call_in_child("model-export", {{"run", (folder / "run").string()}, {"out", (folder / "out").string()}}), 2);
  }
}

TEST(PretrainedExport, AModelThatNoClassHasIsTheBareOneWithItsHeadsBesideIt) {
  const core::TemporaryFolder folder;
  make_base(folder / "base", "bert", "BertModel");
  ASSERT_EQ(call_in_child("train", pretrained_request(folder / "run", folder / "base",
                                                      {"task=intent-slot", "model.pooling=mean"})), 0);
  ASSERT_EQ(call_in_child("model-export", {{"run", (folder / "run").string()}, {"out", (folder / "out").string()}}), 0);
  const auto exported = nn::open_pretrained(folder / "out");
  EXPECT_EQ(exported->head().class_name, "BertModel");
  const nn::NamedTensors heads = nn::read_tensors(folder / "out" / "heads.safetensors");
  ASSERT_EQ(heads.size(), 4u);
  for (const auto& [name, tensor] : heads) {
    EXPECT_TRUE(name.starts_with("intent_head.") || name.starts_with("slot_head.")) << name;
  }
}

TEST(PretrainedExport, AnAdapterGoesOutAndInAgain) {
  const core::TemporaryFolder folder;
  make_base(folder / "base", "bert", "BertModel");
  ASSERT_EQ(call_in_child("train", pretrained_request(folder / "run", folder / "base",
                                                      {"model.lora_rank=2", "model.lora_targets=[\"*.qkv\"]",
                                                       "train.trainable=[\"intent_head.*\"]"})), 0);
  ASSERT_EQ(call_in_child("model-export", {{"run", (folder / "run").string()}, {"adapter", true},
                                           {"out", (folder / "adapter").string()}}), 0);
  // A run that does nothing with it has its function; its own folder is enough to open it.
  const std::string start = "model.adapter=" + (folder / "adapter").string();
  ASSERT_EQ(call_in_child("train", pretrained_request(folder / "again", folder / "base",
                                                      {start, "train.learning_rate=1e-30"})), 0);
  fs::remove_all(folder / "base");
  fs::remove_all(folder / "adapter");
  const app::RunModel before = app::open_run_model(folder / "run"), after = app::open_run_model(folder / "again");
  EXPECT_TRUE(at::allclose(logits_of(*before.model), logits_of(*after.model), 1e-5, 1e-5));
}

nn::NamedTensors weights_of(const fs::path& folder) {
  nn::NamedTensors tensors;
  const formats::WeightFolder file(folder);
  for (const std::string& name : file.names()) {
    tensors.emplace_back(name, at::tensor(file.read_float(name)).view(file.shape(name)));
  }
  return tensors;
}

TEST(PretrainedExport, AModelWithADecoderGoesOutWholeAndAsAnAdapter) {
  const core::TemporaryFolder folder;
  for (const char* name : {"config.json", "model.safetensors"}) {
    fs::create_directories(folder / "base");
    fs::copy_file(fs::path(DISCREET_SOURCE_DIR) / "tests/golden/models/t5" / name, folder / "base" / name);
  }
  auto words = letter_vocabulary();
  words.resize(50);
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  core::write_file_atomically(folder / "base" / "vocab.txt", text);
  core::write_file_atomically(folder / "pairs.jsonl",
                              "{\"source\": \"a b\", \"target\": \"b a\"}\n{\"source\": \"c\", \"target\": \"c c\"}\n");
  const auto train = [&](const fs::path& run, std::vector<std::string> more) {
    Json request = {{"run", run.string()},
                    {"set",
                     {"task=seq2seq", "data.train=" + (folder / "pairs.jsonl").string(), "data.hold_out=0",
                      "model.kind=pretrained", "model.path=" + (folder / "base").string(), "train.threads=1",
                      "train.batch_size=2", "train.steps=5"}}};
    for (const std::string& assignment : more) request["set"].push_back(assignment);
    return call_in_child("train", request);
  };
  ASSERT_EQ(train(folder / "run", {"train.learning_rate=0.01", "model.lora_rank=2",
                                   "model.lora_targets=[\"*.qkv\", \"*.cross_key_value\"]"}), 0);
  const auto export_run = [&](const char* run, const char* out, bool adapter) {
    return call_in_child("model-export", {{"run", (folder / run).string()}, {"adapter", adapter},
                                          {"out", (folder / out).string()}});
  };
  ASSERT_EQ(export_run("run", "adapter", true), 0);
  ASSERT_EQ(train(folder / "again", {"train.learning_rate=1e-30", "model.adapter=" + (folder / "adapter").string()}), 0);
  ASSERT_EQ(export_run("run", "whole", false), 0);
  ASSERT_EQ(export_run("again", "whole-again", false), 0);
  const auto trained = weights_of(folder / "whole"), again = weights_of(folder / "whole-again"),
             base = weights_of(folder / "base");
  ASSERT_EQ(trained.size(), again.size());
  int moved = 0;
  for (const auto& [name, tensor] : trained) {
    const auto of = [&name = name](const nn::NamedTensors& all) {
      for (const auto& [other, value] : all) {
        if (other == name) return value;
      }
      return at::Tensor();
    };
    EXPECT_TRUE(at::allclose(tensor, of(again), 1e-5, 1e-6)) << name;
    const at::Tensor before = of(base);
    moved += before.defined() && !at::allclose(tensor, before);
  }
  // Queries, keys and values of 2 + 2 blocks, keys and values of 2.
  EXPECT_EQ(moved, 3 * 4 + 2 * 2);
}

/// Every form is written from a folder as it was read, in one file or in several.
TEST(PretrainedExport, AFolderIsWrittenAgainAsItCame) {
  app::load_tensor_library();
  for (const auto& entry : fs::directory_iterator(fs::path(DISCREET_SOURCE_DIR) / "tests/golden/models")) {
    SCOPED_TRACE(entry.path().filename().string());
    const core::TemporaryFolder folder;
    // A copy without what is no model's.
    fs::create_directories(folder / "in");
    for (const char* name : {"config.json", "model.safetensors"}) fs::copy_file(entry.path() / name, folder / "in" / name);
    core::OperationContext context;
    const auto write = [&](const char* from, const char* to, Json more) {
      Json request = {{"run", (folder / from).string()}, {"out", (folder / to).string()}};
      request.update(more);
      return app::call_operation("model-export", request, context);
    };
    const Json document = write("in", "out", Json::object());
    EXPECT_EQ(document["architecture"],
              core::parse_json(core::read_file(folder / "in" / "config.json"), "config")["architectures"][0]);
    const auto written = weights_of(folder / "out");
    const formats::WeightFolder original(folder / "in");
    for (const auto& [name, tensor] : written) {
      if (!original.contains(name)) continue;  // a copy of a tied table
      EXPECT_TRUE(tensor.flatten().equal(at::tensor(original.read_float(name)))) << name;
    }
    const Json sharded = write("out", "shards", {{"shard_bytes", 4096}});
    EXPECT_TRUE(fs::exists(folder / "shards" / "model.safetensors.index.json"));
    const auto again = weights_of(folder / "shards");
    ASSERT_EQ(again.size(), written.size());
    std::size_t same = 0;
    for (const auto& [name, tensor] : again) {
      for (const auto& [other, value] : written) same += name == other && tensor.equal(value);
    }
    EXPECT_EQ(same, written.size());
    // Halves are the nearest ones.
    write("out", "half", {{"half", true}});
    EXPECT_EQ(formats::WeightFolder(folder / "half").dtype(written[0].first), formats::DType::kF16);
  }
}

TEST(PretrainedFederation, SendsOnlyWhatIsTrainedAndGoesOnWithTheSameBits) {
  const core::TemporaryFolder folder;
  make_base(folder / "base", "bert", "BertForMaskedLM");
  const auto request = [&](const char* name) {
    Json asked = pretrained_request(folder / name, folder / "base", {"train.trainable=[\"intent_head.*\"]"});
    Json& set = asked["set"];
    set.erase(std::find(set.begin(), set.end(), "train.steps=4"));  // clients go by local epochs
    for (const char* more : {"data.test=assistant:lines=20", "federated.rounds=2", "federated.cohort=3",
                             "train.checkpoint_every=1", "train.optimizer=sgd"}) {
      asked["set"].push_back(more);
    }
    return asked;
  };
  ASSERT_EQ(call_in_child("federated_simulate", request("whole")), 0);
  const Json document = Json::parse(core::read_file(folder / "whole" / "simulation.json"));
  const auto values = document["final"]["values"].get<std::int64_t>();
  EXPECT_EQ(values % 13, 0);  // a head on 12 numbers and a bias for each class
  EXPECT_EQ(document["rounds"][0]["bytes_up"].get<std::int64_t>(), 3 * 4 * values);
  const std::atomic<int> stop{SIGINT};
  ASSERT_EQ(call_in_child("federated_simulate", request("cut"), &stop), 130);
  ASSERT_EQ(call_in_child("federated_simulate", {{"resume", (folder / "cut").string()}}), 0);
  EXPECT_EQ(saved_weights(folder / "cut"), saved_weights(folder / "whole"));
}

}  // namespace
}  // namespace discreet
