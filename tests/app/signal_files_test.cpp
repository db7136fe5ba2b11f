#include "discreet/app/internal/signal_files.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/app/membership_signals.h"
#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app::internal {
namespace {

SignalTable common_part() {
  SignalTable table;
  table.member = {1, 0, -1};
  table.id = {7, 3, 12};
  table.length = {4, 5.5, 6};
  table.user = {0, 0, 1};
  table.models = 2;
  table.in = {1, 0, 0, 1, 0, 0};
  table.feature_count = 2;
  table.features = {1, 2, 3, 4, 5, 6};
  return table;
}

TEST(SignalFiles, LogitsComeBackAsTheyWere) {
  const core::TemporaryFolder folder;
  SignalTable table = common_part();
  table.classes = 2;
  table.label = {0, 1, 1};
  table.logits = {2, 0, 0, 1, -1, 1};
  table.shadow_logits = {1, 0, 0, 0, 0, 3, 1, 1, 2, 2, 0, 0.5};
  const auto file = write_signals(folder / "a", table);
  EXPECT_EQ(file.filename(), "a.safetensors");
  const MembershipSignals read = read_membership_signals(file, {});
  EXPECT_EQ(read.rows.id, (std::vector<std::string>{"7", "3", "12"}));
  EXPECT_EQ(read.rows.member, table.member);
  EXPECT_EQ(read.rows.length, table.length);
  EXPECT_EQ(read.rows.user, (std::vector<std::string>{"0", "0", "1"}));
  EXPECT_EQ(read.data.in, table.in);
  EXPECT_EQ(read.data.features, table.features);
  ASSERT_EQ(read.data.signal.size(), 3U);
  EXPECT_DOUBLE_EQ(read.data.signal[0], 2);   // the logit of two classes is their difference
  EXPECT_DOUBLE_EQ(read.data.signal[1], 1);
  EXPECT_DOUBLE_EQ(read.data.shadow_signal[3], 0);
  EXPECT_DOUBLE_EQ(read.data.shadow_signal[2], 3);
}

TEST(SignalFiles, IdsAndUsersBeyondFloatsStayApart) {
  const core::TemporaryFolder folder;
  SignalTable table = common_part();
  table.id = {100000000, 100000001, 100000002};
  table.user = {1L << 40, (1L << 40) + 1, 1};
  table.loss = {1, 2, 3};
  table.shadow_loss = {1, 2, 3, 4, 5, 6};
  const MembershipSignals read = read_membership_signals(write_signals(folder / "a", table), {});
  EXPECT_EQ(read.rows.id, (std::vector<std::string>{"100000000", "100000001", "100000002"}));
  EXPECT_EQ(read.rows.user, (std::vector<std::string>{"1099511627776", "1099511627777", "1"}));
}

TEST(SignalFiles, LossesKeepAllDigits) {
  const core::TemporaryFolder folder;
  SignalTable table = common_part();
  table.loss = {1e-12, 0.1, 40.000000001};
  table.shadow_loss = {1e-9, 2, 3, 4, 5, 6};
  const MembershipSignals read = read_membership_signals(write_signals(folder / "a", table), {});
  EXPECT_EQ(read.data.log_prob, (std::vector<double>{-1e-12, -0.1, -40.000000001}));
  EXPECT_NEAR(read.data.signal[0], std::log(1e12), 1e-6);  // log p - log(1 - p)
  EXPECT_EQ(read.data.shadow_log_prob[2], -3);
}

TEST(SignalFiles, TokensAreLinesAndTellTheSame) {
  const core::TemporaryFolder folder;
  SignalTable table = common_part();
  table.offsets = {0, 2, 3, 6};
  table.token_log_probs = {-1, -0.3, -2, -0.1, -0.2, -1.0 / 3};
  table.token_means = {-1, -1, -1, -1, -1, -1};
  table.token_deviations = {1, 1, 1, 1, 1, 2};
  table.zlib_bytes = {10, 11, 12};
  table.neighbours = {{-1, -2}, {-3}, {}};
  table.shadow_loss = {1, 2, 3, 4, 5, 6};
  const auto file = write_signals(folder / "a", table);
  EXPECT_EQ(file.filename(), "a.jsonl");
  const MembershipSignals read = read_membership_signals(file, {});
  EXPECT_EQ(read.rows.member, table.member);
  EXPECT_EQ(read.data.token_log_prob, table.token_log_probs);
  EXPECT_EQ(read.data.token_deviation, table.token_deviations);
  EXPECT_EQ(read.data.offsets, (std::vector<std::size_t>{0, 2, 3, 6}));
  EXPECT_EQ(read.data.compressed_bytes, table.zlib_bytes);
  EXPECT_DOUBLE_EQ(read.data.neighbour_log_prob[0], -1.5);
  EXPECT_TRUE(std::isnan(read.data.neighbour_log_prob[2]));
  EXPECT_DOUBLE_EQ(read.data.shadow_log_prob[1], -2);
  EXPECT_EQ(read.data.in, table.in);
}

TEST(SignalFiles, PartsThatDoNotFitAreAMistakeOfTheProgram) {
  const core::TemporaryFolder folder;
  SignalTable table = common_part();
  table.loss = {1, 2};
  EXPECT_THROW(write_signals(folder / "a", table), Error);
}

TEST(MembershipNeeds, AttacksNeedWhatTheirRulesSay) {
  EXPECT_FALSE(needs_shadow_models("loss"));
  EXPECT_FALSE(needs_shadow_models("quantile-regression"));
  for (const char* attack : {"lira-online", "lira-offline", "rmia-online", "rmia-offline", "shadow-models",
                             "difficulty-calibration"}) {
    EXPECT_TRUE(needs_shadow_models(attack)) << attack;
    EXPECT_FALSE(needs_tokens(attack)) << attack;
  }
  for (const char* attack : {"min-k", "min-k++", "zlib-ratio", "neighbourhood"}) {
    EXPECT_FALSE(needs_shadow_models(attack)) << attack;
    EXPECT_TRUE(needs_tokens(attack)) << attack;
    EXPECT_EQ(needs_neighbours(attack), attack == std::string("neighbourhood"));
  }
  EXPECT_THROW(needs_tokens("lira"), Error);
}

TEST(MembershipNeeds, OptionsComeBackFromARequest) {
  SignalAuditOptions options;
  options.attacks = {"loss"};
  options.set = {"lira-offline.variance=fixed"};
  options.slices = {"a"};
  options.population = .25;
  options.report.blind = {"b"};
  options.report.user_score = "max";
  options.report.most_exposed = 3;
  options.report.show_text = true;
  options.report.store = "x.jsonl";
  options.report.statistics.seed = 9;
  const Json request = to_request(options);
  EXPECT_EQ(to_request(signal_audit_options(request)), request);
}

}  // namespace
}  // namespace discreet::app::internal
