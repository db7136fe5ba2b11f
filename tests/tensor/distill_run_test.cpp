// Students of teachers trained here: the planted skew is found in the teacher and lowered by the method; interrupted and
// resumed to the same bytes; what cannot be stated or compared is refused.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <csignal>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/internal/role_corpus.h"
#include "discreet/app/loader.h"
#include "discreet/core/document.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"
#include "tests/tensor/child_operation.h"

namespace discreet {
namespace {
namespace fs = std::filesystem;
using testing::call_in_child;
using testing::saved_weights;

void write_corpus(const fs::path& file, const app::RoleCorpusOptions& options) {
  core::write_file_atomically(file, fmt::format("{}\n", fmt::join(app::role_corpus(options), "\n")));
}

Json settings_on(const fs::path& data, std::int64_t steps) {
  return {"task=\"language-model\"", "data.train=" + Json(data.string()).dump(), "data.format=\"text\"",
          "data.lowercase=false", "data.vocabulary=\"private\"", "model.kind=\"gpt\"", "model.hidden=[32]", "model.heads=2",
          "train.batch_size=64", fmt::format("train.steps={}", steps), "train.learning_rate=0.005", fmt::format("train.warmup={}", steps / 20),
          "train.schedule=\"cosine\"", "train.threads=1", "train.checkpoint_every=100000"};
}

Json with(Json settings, const std::vector<std::string>& more) {
  for (const std::string& assignment : more) settings.push_back(assignment);
  return settings;
}

/// Mean |log P(he)/P(she)| after "The ... said that".
double disparity(const fs::path& run, bool held_out) {
  Json prompts = Json::array();
  for (const app::RoleProfession& profession : app::role_professions()) {
    if (profession.lean == 0 || profession.held_out != held_out) continue;
    prompts.push_back({{"text", fmt::format("The {} said that", profession.name)}});
  }
  core::OperationContext context;
  context.quiet = true;
  double sum = 0;
  const Json odds = app::call_operation("role-odds", {{"run", run.string()}, {"asked", Json::array({Json{{"prompts", prompts}}})}}, context)["answers"][0];
  for (const Json& value : odds) sum += std::abs(value.get<double>());
  return sum / static_cast<double>(odds.size());
}

class DistillRun : public ::testing::Test {
 protected:
  void train_teacher(std::int64_t lines, std::int64_t steps) {
    write_corpus(folder_ / "teacher.txt", {.lines = lines});
    write_corpus(folder_ / "student.txt", {.lines = lines, .held_out_items = false});
    ASSERT_EQ(call_in_child("train", {{"set", with(settings_on(folder_ / "teacher.txt", steps), {"model.layers=3"})},
                                      {"run", (folder_ / "teacher").string()}}),
              0);
  }
  Json student(const std::string& name, std::int64_t steps, const std::vector<std::string>& more) {
    return {{"teacher", (folder_ / "teacher").string()},
            {"student_layers", "every-second"},
            {"set", with(settings_on(folder_ / "student.txt", steps), more)},
            {"run", (folder_ / name).string()},
            {"measure", false}};
  }
  const core::TemporaryFolder folder_;
};

TEST_F(DistillRun, ThePlantedSkewIsFoundInTheTeacherAndLoweredByTheMethod) {
  train_teacher(3000, 800);
  ASSERT_EQ(call_in_child("distill", student("plain", 400, {})), 0);
  ASSERT_EQ(call_in_child("distill", student("both", 400, {"distill.augment=\"augment\"", "distill.combination=\"max\""})), 0);
  const fs::path teacher = folder_ / "teacher", plain = folder_ / "plain", both = folder_ / "both";
  // Planted: log 9 = 2.20.
  EXPECT_GT(disparity(teacher, false), 1.4);
  EXPECT_GT(disparity(teacher, true), 1.4);
  EXPECT_GT(disparity(plain, false), 1.2);
  // Before these prompts' pronouns there is nothing to reverse, so the teacher's predictions keep their
  // skew; the hard labels of the doubled text have none: half of each is log(.7 / .3) = 0.85.
  EXPECT_LT(disparity(both, false), 0.65 * disparity(plain, false));
  // Professions that no line of the student's text is about.
  EXPECT_LT(disparity(both, true), disparity(plain, true));
}

TEST_F(DistillRun, ResumedEndsAsIfItHadNotStopped) {
  train_teacher(200, 4);
  const std::vector<std::string> more = {"distill.augment=\"substitute\"", "distill.combination=\"mean\"", "distill.hidden_cosine=0.5"};
  ASSERT_EQ(call_in_child("distill", student("whole", 4, more)), 0);
  const std::atomic<int> stop{SIGINT};
  ASSERT_EQ(call_in_child("distill", student("cut", 4, more), &stop), 130);
  ASSERT_FALSE(fs::exists(folder_ / "cut" / "model"));
  ASSERT_EQ(call_in_child("resume", {{"run", (folder_ / "cut").string()}}), 0);
  EXPECT_EQ(saved_weights(folder_ / "cut"), saved_weights(folder_ / "whole"));
  const Json manifest = core::read_document(folder_ / "whole" / "manifest.json");
  EXPECT_GT(manifest["teacher"]["aligned_rows"].get<int>(), 0);
  EXPECT_EQ(manifest["teacher"]["unaligned_rows"].get<int>(), 0);  // words for words
  EXPECT_LT(manifest["teacher"]["kept_divergence"].get<double>(), 1e-3);
}

TEST_F(DistillRun, AMeasuredRunHasItsPairs) {
  train_teacher(200, 4);
  Json request = student("measured", 4, {"data.test=" + Json((folder_ / "teacher.txt").string()).dump(), "data.hold_out=0.3"});
  request["measure"] = true;
  ASSERT_EQ(call_in_child("distill", request), 0);
  Json pairs;
  for (const auto& file : fs::directory_iterator(folder_ / "measured" / "audits")) {
    Json document = core::read_document(file.path());
    if (document["schema"] == "discreet.mitigation/1") pairs = document;
  }
  ASSERT_TRUE(pairs.is_object());
  std::vector<std::string> metrics;
  for (const Json& result : pairs["results"]) metrics.push_back(result["metric"].get<std::string>());
  EXPECT_EQ(metrics, (std::vector<std::string>{"pronoun_log_odds", "perplexity", "loss_attack_auc"}));
  EXPECT_NE(pairs["models"]["before"]["sha256"], pairs["models"]["after"]["sha256"]);
}

constexpr int kUsage = 2, kBadData = 3, kRefused = 5;
const std::vector<std::string> kPrivate = {"privacy.mechanism=\"dp-sgd\"", "privacy.noise_multiplier=1", "privacy.delta=1e-3",
                                           "privacy.accountant=\"rdp\"", "privacy.insecure_seed=7"};

std::vector<std::string> plus(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST_F(DistillRun, APrivateStudentStatesItsTeacherAndRefusesItsData) {
  train_teacher(200, 4);
  ASSERT_EQ(call_in_child("distill", student("private", 3, plus(kPrivate, {"distill.combination=\"max\"",
                                                                           "distill.augment=\"substitute\""}))),
            0);
  const Json statement = core::read_document(folder_ / "private" / "privacy.json");
  EXPECT_NE(statement.dump().find("learns from the teacher"), std::string::npos);
  EXPECT_NE(statement.dump().find("without a privacy mechanism"), std::string::npos);
  // A copy beside each example would be a second unit.
  EXPECT_EQ(call_in_child("distill", student("two", 3, plus(kPrivate, {"distill.augment=\"augment\""}))), kRefused);
  // The teacher has seen these very examples without privacy.
  Json same = student("same", 3, kPrivate);
  same["set"].push_back("data.train=" + Json((folder_ / "teacher.txt").string()).dump());
  EXPECT_EQ(call_in_child("distill", same), kRefused);
  EXPECT_FALSE(fs::exists(folder_ / "same"));
}

TEST_F(DistillRun, WhatDoesNotGoTogetherIsRefused) {
  train_teacher(200, 4);
  core::write_file_atomically(folder_ / "words.txt", "the\nnurse\n");
  EXPECT_EQ(call_in_child("distill", student("a", 3, {"data.vocabulary=" + Json((folder_ / "words.txt").string()).dump()})), kUsage);
  EXPECT_EQ(call_in_child("distill", student("b", 3, {"data.tokenizer=\"character\"", "task=\"text-classification\""})), kUsage);
  EXPECT_EQ(call_in_child("distill", student("c", 3, {"distill.soft=0", "distill.hard=0"})), kUsage);
  EXPECT_EQ(call_in_child("distill", student("d", 3, {"model.hidden=[16]"})), kUsage);  // layers of another width
  core::write_file_atomically(folder_ / "plain.txt", "turn on the light\nstop the music\n");
  const std::string plain = "data.train=" + Json((folder_ / "plain.txt").string()).dump();
  EXPECT_EQ(call_in_child("distill", student("e", 3, {plain, "distill.augment=\"augment\""})), kBadData);
  EXPECT_EQ(call_in_child("distill", student("f", 3, {plain, "distill.combination=\"max\""})), kBadData);
}

TEST(DistillClassifier, AStudentOfAnotherKindLearnsFromItsTeacher) {
  const core::TemporaryFolder folder;
  const Json set = {"task=\"text-classification\"", "data.train=\"assistant:lines=400\"", "data.test=\"assistant:lines=200\"",
                    "data.vocabulary=\"private\"", "train.threads=1", "train.batch_size=32"};
  ASSERT_EQ(call_in_child("train", {{"set", with(set, {"model.kind=\"bow\"", "train.steps=120", "train.learning_rate=0.02"})},
                                    {"run", (folder / "teacher").string()}}),
            0);
  ASSERT_EQ(call_in_child("distill", {{"teacher", (folder / "teacher").string()},
                                      {"set", with(set, {"model.kind=\"cnn\"", "train.steps=60", "distill.hard=0",
                                                         "distill.combination=\"mean\"", "distill.augment=\"augment\""})},
                                      {"run", (folder / "student").string()}}),
            0);
  const Json result = core::read_document(folder / "student" / "result.json");
  EXPECT_GT(result["metrics"]["accuracy"].get<double>(), 0.4);  // from the teacher's predictions alone
  bool pairs = false;
  for (const auto& file : fs::directory_iterator(folder / "student" / "audits")) {
    pairs = pairs || core::read_document(file.path())["schema"] == "discreet.mitigation/1";
  }
  EXPECT_TRUE(pairs);
}

}  // namespace
}  // namespace discreet
