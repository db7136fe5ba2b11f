// Labels made on devices: noise by its matrix, providers, the label model against pooled votes.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

std::vector<std::string> random_words(core::ReproducibleRng& rng) {
  std::vector<std::string> words;
  for (int i = 0; i < 6; ++i) words.push_back(fmt::format("w{}", rng.below(500)));
  return words;
}

TEST(LabelNoise, FollowsItsMatrix) {
  core::ReproducibleRng rng(1, "noise");
  constexpr std::int64_t kClasses = 4;
  LabelNoise by_matrix{.kind = LabelNoiseKind::kConfusion, .rate = 0, .confusion = {1, 0, 0, 0, .2, .5, .3, 0, 0, 0, .9, .1, .25, .25, .25, .25}};
  for (const LabelNoise& noise : {LabelNoise{LabelNoiseKind::kSymmetric, 0.4, {}}, LabelNoise{LabelNoiseKind::kPair, 0.3, {}}, by_matrix}) {
    check_label_noise(noise, kClasses);
    const auto matrix = transition_matrix(noise, kClasses);
    std::vector<double> counts(kClasses * kClasses, 0.0);
    constexpr int kDraws = 8000;
    for (int i = 0; i < kDraws; ++i) {
      for (std::int64_t truth = 0; truth < kClasses; ++truth) {
        counts[truth * kClasses + noisy_label(noise, truth, kClasses, {}, 7, std::to_string(i * kClasses + truth))] += 1;
      }
    }
    for (std::size_t i = 0; i < counts.size(); ++i) {
      // Six standard errors.
      EXPECT_NEAR(counts[i] / kDraws, matrix[i], 6 * std::sqrt(matrix[i] * (1 - matrix[i]) / kDraws) + 1e-12) << i;
    }
  }
}

TEST(LabelNoise, OfInstancesDependsOnTheText) {
  core::ReproducibleRng rng(1, "noise");
  const LabelNoise noise{.kind = LabelNoiseKind::kInstance, .rate = 0.3, .confusion = {}};
  int wrong = 0, wrong_easy = 0, easy = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto words = random_words(rng);
    const std::int64_t label = noisy_label(noise, 1, 5, words, 3, std::to_string(i));
    EXPECT_EQ(label, noisy_label(noise, 1, 5, words, 3, std::to_string(i)));
    const bool is_easy = text_difficulty(words, 3) < 0.25;
    wrong += label != 1;
    easy += is_easy;
    wrong_easy += is_easy && label != 1;
  }
  EXPECT_NEAR(wrong / 4000.0, 0.3, 0.045);
  EXPECT_LT(double(wrong_easy) / easy, 0.12);  // 2 * .3 * a mean difficulty of .125 = .075
  // The mistake itself is the text's: the same one for two examples with the same words.
  const auto words = random_words(rng);
  std::int64_t mistake = -1;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t label = noisy_label({.kind = LabelNoiseKind::kInstance, .rate = 1, .confusion = {}}, 2, 5, words, 3, std::to_string(i));
    if (label == 2) continue;
    if (mistake < 0) mistake = label;
    EXPECT_EQ(label, mistake);
  }
}

TEST(LabelNoise, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(check_label_noise({.kind = LabelNoiseKind::kSymmetric, .rate = 1.2, .confusion = {}}, 3), Error);
  EXPECT_THROW(check_label_noise({.kind = LabelNoiseKind::kConfusion, .rate = 0, .confusion = {1, 0, 0}}, 2), Error);
  EXPECT_THROW(check_label_noise({.kind = LabelNoiseKind::kConfusion, .rate = 0, .confusion = {1, 0, .5, .4}}, 2), Error);
  EXPECT_EQ(noisy_label({.kind = LabelNoiseKind::kSymmetric, .rate = 1, .confusion = {}}, 0, 1, {}, 1, "1"), 0);
}

class Providers : public testing::Test {
 protected:
  Providers() {
    core::ReproducibleRng rng(9, "providers");
    for (std::int64_t i = 0; i < 1000; ++i) {
      examples_.push_back(std::to_string(i));
      truth_.push_back(static_cast<std::int64_t>(rng.below(3)));
      words_.push_back(random_words(rng));
      const bool sure = rng.uniform() < 0.5;
      for (std::int64_t c = 0; c < 3; ++c) {
        // Sure ones are right nine times in ten, by chance of this draw; the others are flat.
        probabilities_.push_back(sure ? (c == (truth_.back() + (i % 10 == 0)) % 3 ? 0.98F : 0.01F) : 1.0F / 3);
      }
    }
  }
  LabelInput input() const {
    return {.client = "5", .classes = 3, .examples = examples_, .truth = truth_, .words = words_, .probabilities = probabilities_};
  }
  std::vector<std::string> examples_;
  std::vector<std::int64_t> truth_;
  std::vector<std::vector<std::string>> words_;
  std::vector<float> probabilities_;
};

TEST_F(Providers, GivenLabelsHaveTheNoiseAskedFor) {
  LabelOptions options;
  LabelQuality quality = label_quality(make_labels(input(), options, 1), truth_);
  EXPECT_EQ(quality.right, 1000);
  options.label_noise = 0.4;
  quality = label_quality(make_labels(input(), options, 1), truth_);
  EXPECT_NEAR(double(quality.right) / 1000, 0.6, 0.09);
  options.label_given = 0.5;
  quality = label_quality(make_labels(input(), options, 1), truth_);
  EXPECT_NEAR(double(quality.right) / 1000, 0.8, 0.08);
}

TEST_F(Providers, PseudoLabelsAreThoseOfAModelThatIsSure) {
  LabelOptions options{.labels = "pseudo"};
  const LabelQuality quality = label_quality(make_labels(input(), options, 1), truth_);
  EXPECT_NEAR(double(quality.labelled), 500, 95);
  EXPECT_NEAR(double(quality.right) / double(quality.labelled), 0.9, 0.06);
  options.label_threshold = 0.99;
  EXPECT_EQ(label_quality(make_labels(input(), options, 1), truth_).labelled, 0);
}

TEST_F(Providers, FeedbackIsTrueWithoutNoiseAndErrsByUser) {
  LabelOptions options{.labels = "feedback"};
  const auto labels = make_labels(input(), options, 1);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    EXPECT_EQ(labels[i].says == LabelSays::kYes, labels[i].label == truth_[i]);
  }
  options.label_noise = 0.3;
  options.label_response = 0.5;
  double wrong = 0, answered = 0, least = 1, most = 0;
  for (std::int64_t user = 0; user < 60; ++user) {
    LabelInput own = input();
    own.client = std::to_string(user);
    double own_wrong = 0, own_answered = 0;
    const auto said = make_labels(own, options, 1);
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (said[i].weight == 0) continue;
      own_answered += 1;
      own_wrong += (said[i].says == LabelSays::kYes) != (said[i].label == truth_[i]);
    }
    least = std::min(least, own_wrong / own_answered);
    most = std::max(most, own_wrong / own_answered);
    wrong += own_wrong;
    answered += own_answered;
  }
  EXPECT_NEAR(answered / 60000, 0.5, 0.1);
  EXPECT_NEAR(wrong / answered, 0.3, 0.15);
  EXPECT_LT(least, 0.1);
  EXPECT_GT(most, 0.5);
}

/// Rules of one class each, with their own accuracy and coverage.
std::vector<Votes> vote_of_devices(const std::vector<double>& accuracy, std::vector<std::int64_t>& truth) {
  core::ReproducibleRng rng(4, "votes");
  std::vector<Votes> devices(25);
  for (Votes& votes : devices) {
    votes.rules = static_cast<std::int64_t>(accuracy.size());
    for (std::uint64_t n = 40 + rng.below(80); n > 0; --n) {
      truth.push_back(rng.uniform() < 0.6 ? 0 : 1);
      for (const double right : accuracy) {
        const bool votes_at_all = rng.uniform() < 0.7;
        const std::int64_t vote = rng.uniform() < right ? truth.back() : 1 - truth.back();
        votes.vote.push_back(votes_at_all ? static_cast<std::int32_t>(vote) : -1);
      }
    }
  }
  return devices;
}

double share_right(const std::vector<double>& shares, const std::vector<std::int64_t>& truth) {
  double right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += (shares[2 * i + 1] > shares[2 * i]) == (truth[i] == 1);
  return right / double(truth.size());
}

TEST(LabelModel, FindsAccuraciesAndBeatsTheMajority) {
  const std::vector<double> accuracy = {0.95, 0.9, 0.58, 0.55, 0.52};
  std::vector<std::int64_t> truth;
  const auto devices = vote_of_devices(accuracy, truth);
  const LabelModel model = fit_label_model(devices, 2);
  const auto found = rule_accuracies(model);
  for (std::size_t r = 0; r < accuracy.size(); ++r) EXPECT_NEAR(found[r], accuracy[r], 0.06) << r;
  EXPECT_NEAR(model.prior[0], 0.6, 0.05);
  Votes all{.rules = 5, .vote = {}};
  for (const Votes& votes : devices) all.vote.insert(all.vote.end(), votes.vote.begin(), votes.vote.end());
  EXPECT_GT(share_right(posterior(model, all), truth), share_right(majority_posterior(all, 2), truth) + 0.05);
}

TEST(LabelModel, DevicesAndPooledVotesGiveTheSame) {
  std::vector<std::int64_t> truth;
  const auto devices = vote_of_devices({0.9, 0.8, 0.6}, truth);
  Votes all{.rules = 3, .vote = {}};
  for (const Votes& votes : devices) all.vote.insert(all.vote.end(), votes.vote.begin(), votes.vote.end());
  const LabelModel apart = fit_label_model(devices, 2), pooled = fit_label_model(std::vector<Votes>{all}, 2);
  for (std::size_t i = 0; i < pooled.outcome.size(); ++i) EXPECT_NEAR(apart.outcome[i], pooled.outcome[i], 1e-9);
}

TEST(LabelModel, HandComputedStep) {
  // Two classes, one rule that votes 0 on the first text and abstains on the second.
  const Votes votes{.rules = 1, .vote = {0, -1}};
  const LabelModel model{.classes = 2, .rules = 1, .prior = {0.5, 0.5}, .outcome = {.6, .1, .3, .2, .3, .5}};
  double log_likelihood = 0;
  const auto shares = posterior(model, votes, &log_likelihood);
  EXPECT_NEAR(shares[0], 0.75, 1e-12);
  EXPECT_NEAR(shares[2], 0.375, 1e-12);
  EXPECT_NEAR(log_likelihood, std::log(0.4) + std::log(0.4), 1e-12);
  const LabelModelSums sums = expected_counts(model, votes);
  EXPECT_NEAR(sums.prior[0], 1.125, 1e-12);
  EXPECT_NEAR(sums.outcome[2], 0.375, 1e-12);
  EXPECT_EQ(majority_posterior(votes, 2), (std::vector<double>{1, 0, 0, 0}));
}

TEST(LabelRules, AreReadAndVote) {
  const auto path = std::filesystem::path(testing::TempDir()) / "rules.txt";
  std::ofstream(path) << "# weather\nweather: rain sun\n\nmusic: play song  # loud\n";
  const auto rules = read_label_rules(path, {"music", "weather"});
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].label, 1);
  const std::vector<std::vector<std::string>> texts = {{"will", "it", "rain"}, {"play", "sun"}, {"hello"}};
  EXPECT_EQ(vote_by_rules(rules, texts).vote, (std::vector<std::int32_t>{1, -1, 1, 0, -1, -1}));
  std::ofstream(path) << "sport: ball\n";
  EXPECT_THROW(read_label_rules(path, {"music"}), Error);
  std::ofstream(path) << "music ball\n";
  EXPECT_THROW(read_label_rules(path, {"music"}), Error);
}

}  // namespace
}  // namespace discreet::federated
