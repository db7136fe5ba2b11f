// Runs of language models: interrupted and resumed to the same bytes, with LoRA and freezing in the saved
// model.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"
#include "tests/tensor/child_operation.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;
using testing::call_in_child;
using testing::saved_weights;

Json language_request(const fs::path& run, const std::vector<std::string>& more) {
  Json request = {{"run", run.string()},
                  {"set",
                   {"task=language-model", "data.train=assistant:lines=60", "data.buckets=64",
                    "data.vocabulary=hashed", "model.hidden=8", "model.layers=2", "model.heads=2",
                    "model.dropout=0.1", "train.threads=1", "train.batch_size=16", "train.steps=4"}}};
  for (const std::string& assignment : more) request["set"].push_back(assignment);
  return request;
}

class LanguageRun : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(LanguageRun, ResumedEndsAsIfItHadNotStopped) {
  const core::TemporaryFolder folder;
  ASSERT_EQ(call_in_child("train", language_request(folder / "whole", GetParam())), 0);
  const std::atomic<int> stop{SIGINT};
  const int code = call_in_child("train", language_request(folder / "cut", GetParam()), &stop);
  ASSERT_EQ(code, 130);
  ASSERT_FALSE(fs::exists(folder / "cut" / "model"));
  ASSERT_EQ(call_in_child("resume", {{"run", (folder / "cut").string()}}), 0);
  EXPECT_EQ(saved_weights(folder / "cut"), saved_weights(folder / "whole"));
  // What was saved can be opened again: names and sizes are those of the configuration.
  EXPECT_EQ(call_in_child("eval", {{"run", (folder / "cut").string()}, {"data", "assistant:lines=20"}}), 0);
}

const std::vector<std::string> kPrivateRun = {"privacy.mechanism=dp-sgd", "privacy.noise_multiplier=1",
                                              "privacy.delta=1e-3", "privacy.accountant=rdp",
                                              "privacy.insecure_seed=7"};

std::vector<std::string> with_privacy(std::vector<std::string> more) {
  more.insert(more.end(), kPrivateRun.begin(), kPrivateRun.end());
  return more;
}

const std::vector<std::string> kLoraRun = {"model.lora_rank=2", "model.lora_targets=[\"*.qkv\"]",
                                           "train.trainable=[\"*.beta\"]"};

INSTANTIATE_TEST_SUITE_P(Kinds, LanguageRun,
                         ::testing::Values(std::vector<std::string>{}, with_privacy({}),
                                           with_privacy({"model.tied=false"}), kLoraRun,
                                           with_privacy(kLoraRun)));

}  // namespace
}  // namespace discreet
