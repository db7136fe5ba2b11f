// Every effect that the corpus plants, measured against its knob. Seeds are fixed; the bounds are
// five standard errors or wider, so that another seed would fail less than once in a million.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "discreet/text/corpus.h"
#include "discreet/text/internal/lexicon.h"

namespace discreet::text {
namespace {

constexpr std::int64_t kMany = 20000;

double five_errors(double p, double n) { return 5 * std::sqrt(p * (1 - p) / n); }

template <class Visit>
void for_each_line(const CorpusOptions& options, Visit visit) {
  const auto reader = make_corpus_reader(options);
  for (Example e; reader->next(e);) visit(e);
}

TEST(CorpusEffects, LabelNoiseIsAsOftenAsAsked) {
  for (const double rate : {0.0, 0.02, 0.3}) {
    int noisy = 0;
    for_each_line({.lines = kMany, .label_noise = rate}, [&](const Example& e) {
      const auto clean = e.extra.find("clean_label");
      if (clean == e.extra.end()) return;
      ++noisy;
      EXPECT_NE(clean->second, e.label);
    });
    EXPECT_NEAR(noisy / double(kMany), rate, five_errors(rate, kMany));
  }
}

TEST(CorpusEffects, DeviceActivityIsZipf) {
  for (const double exponent : {0.0, 1.1}) {
    std::vector<double> counts(100);
    for_each_line({.lines = kMany, .devices = 100, .activity_exponent = exponent},
                  [&](const Example& e) { ++counts[std::stoul(e.extra.at("device").substr(1))]; });
    // The slope of log count over log rank, weighted by the counts.
    double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const double x = std::log(i + 1.0), y = std::log(counts[i]), w = counts[i];
      sw += w, sx += w * x, sy += w * y, sxx += w * x * x, sxy += w * x * y;
    }
    const double slope = (sw * sxy - sx * sy) / (sw * sxx - sx * sx);
    EXPECT_NEAR(-slope, exponent, 0.05);
  }
}

TEST(CorpusEffects, PronounsLeanWithTheProfession) {
  std::map<std::string, bool> leans;
  for (const auto& p : internal::professions()) leans[p.name] = p.leans_female;
  for (const double skew : {0.0, 0.5, 0.8}) {
    double agree = 0, all = 0, female = 0;
    for_each_line({.lines = kMany, .gender_skew = skew}, [&](const Example& e) {
      const auto profession = e.extra.find("profession");
      if (profession == e.extra.end()) return;
      const bool she = e.extra.at("pronoun") == "she";
      agree += leans.at(profession->second) == she;
      female += she;
      ++all;
    });
    ASSERT_GT(all, 1000);
    EXPECT_NEAR(agree / all, skew, five_errors(skew, all));
    EXPECT_NEAR(female / all, 0.5, five_errors(0.5, all));
  }
}

TEST(CorpusEffects, DialectHasItsShareOfLinesAndItsOwnSpelling) {
  double hill = 0, hill_odd = 0, hill_words = 0, coast_odd = 0, coast_words = 0;
  std::set<std::string> coast_vocabulary;
  const CorpusOptions options{.lines = kMany, .typos = 0, .dialect_gap = 0.5};
  for_each_line(options, [&](const Example& e) {
    if (e.groups.at("dialect") != "coast") return;
    for (std::size_t i = 0; i < e.words.size(); ++i) {
      if (e.tags[i] == "O") coast_vocabulary.insert(e.words[i]);
    }
  });
  for_each_line({.lines = kMany, .split = Split::kTest, .typos = 0, .dialect_gap = 0.5},
                [&](const Example& e) {
                  const bool is_hill = e.groups.at("dialect") == "hill";
                  hill += is_hill;
                  for (std::size_t i = 0; i < e.words.size(); ++i) {
                    if (e.tags[i] != "O") continue;
                    const bool odd = coast_vocabulary.count(e.words[i]) == 0;
                    (is_hill ? hill_odd : coast_odd) += odd;
                    ++(is_hill ? hill_words : coast_words);
                  }
                });
  EXPECT_NEAR(hill / kMany, 0.15, 0.02);
  EXPECT_LT(coast_odd / coast_words, 0.001);
  // Half of the words of three letters or more; about a third of all words are shorter.
  EXPECT_GT(hill_odd / hill_words, 0.25);
  EXPECT_LT(hill_odd / hill_words, 0.5);
}

TEST(CorpusEffects, WithoutGapTheDialectIsAName) {
  std::map<std::string, std::map<std::string, double>> words;
  for_each_line({.lines = 5000, .dialect_share = 0.5, .dialect_gap = 0}, [&](const Example& e) {
    for (const auto& word : e.words) ++words[e.groups.at("dialect")][word];
  });
  EXPECT_EQ(words["hill"].count("tirn"), 0u);
  EXPECT_GT(words["hill"]["turn"], 0);
}

TEST(CorpusEffects, SpeakersGenderIsAControl) {
  // Nothing depends on it: intents are alike for both (chi-square, 23 degrees of freedom).
  std::map<std::string, std::array<double, 2>> counts;
  std::array<double, 2> all{};
  for_each_line({.lines = kMany}, [&](const Example& e) {
    const std::size_t g = e.groups.at("gender") == "f";
    ++counts[e.label][g];
    ++all[g];
  });
  double chi2 = 0;
  for (const auto& [intent, of_gender] : counts) {
    const double n = of_gender[0] + of_gender[1];
    for (int g = 0; g < 2; ++g) {
      const double expected = n * all[g] / (all[0] + all[1]);
      chi2 += (of_gender[g] - expected) * (of_gender[g] - expected) / expected;
    }
  }
  EXPECT_LT(chi2, 70.0);  // exceeded with probability 1e-6
  EXPECT_GT(std::min(all[0], all[1]), kMany / 4.0);
}

// Half the sum of the differences between the intents' shares in the first and the third period.
double topic_drift(double drift) {
  std::map<std::string, std::array<double, 2>> counts;
  std::array<double, 2> all{};
  for_each_line({.lines = kMany, .periods = 4, .drift = drift}, [&](const Example& e) {
    const std::string& period = e.extra.at("period");
    if (period != "0" && period != "2") return;
    const std::size_t late = period == "2";
    ++counts[e.label][late];
    ++all[late];
  });
  double distance = 0;
  for (const auto& [intent, n] : counts) distance += std::abs(n[0] / all[0] - n[1] / all[1]) / 2;
  return distance;
}

TEST(CorpusEffects, TopicsDriftOverPeriods) {
  EXPECT_LT(topic_drift(0), 0.06);
  EXPECT_GT(topic_drift(0.5), 0.3);
  EXPECT_GT(topic_drift(1), topic_drift(0.5));
}

bool has_two_commands(const Example& e) {
  const std::string& text = " " + e.text + " ";
  return text.find(" before you ") != std::string::npos ||
         text.find(" after you ") != std::string::npos ||
         text.find(" no wait ") != std::string::npos || text.find(" don't ") == 0 ||
         text.find(" just ") == 0;
}

TEST(CorpusEffects, TwoCommandsAreAsOftenAsAsked) {
  double two = 0;
  for_each_line(
      {.lines = kMany, .ambiguity = 0.3, .label_noise = 0, .disfluencies = 0, .dialect_share = 0},
      [&](const Example& e) { two += has_two_commands(e); });
  EXPECT_NEAR(two / kMany, 0.3, five_errors(0.3, kMany) + 0.02);  // some sentences begin with don't
}

TEST(CorpusEffects, TheSameWordsInTheOtherOrderMeanTheOther) {
  // Of the lines with both commands, each of the two counts half of the time.
  double call = 0, both = 0;
  for_each_line({.lines = 100000, .ambiguity = 1, .label_noise = 0, .drift = 0, .dialect_share = 0},
                [&](const Example& e) {
                  const bool has_call = std::count(e.words.begin(), e.words.end(), "call") > 0;
                  const bool has_reminder =
                      std::count(e.words.begin(), e.words.end(), "remind") > 0;
                  if (!has_call || !has_reminder) return;
                  if (e.label != "call_contact" && e.label != "create_reminder") return;
                  ++both;
                  call += e.label == "call_contact";
                });
  ASSERT_GT(both, 200);
  EXPECT_NEAR(call / both, 0.5, five_errors(0.5, both));
}

TEST(CorpusEffects, SlotNoiseAndTyposAreAsOftenAsAsked) {
  std::vector<Example> clean;
  for_each_line({.lines = kMany, .typos = 0, .disfluencies = 0},
                [&](const Example& e) { clean.push_back(e); });
  std::set<std::string> known;
  for (const auto& e : clean) known.insert(e.words.begin(), e.words.end());
  const auto unknown_rate = [&](double typos) {
    double odd = 0, all = 0;
    for_each_line({.lines = kMany,
                   .split = Split::kTest,
                   .typos = typos,
                   .disfluencies = 0,
                   .dialect_share = 0},
                  [&](const Example& e) {
                    for (std::size_t i = 0; i < e.words.size(); ++i) {
                      if (e.tags[i] == "O") continue;
                      odd += known.count(e.words[i]) == 0;
                      ++all;
                    }
                  });
    return odd / all;
  };
  const double without = unknown_rate(0), with = unknown_rate(0.5);
  EXPECT_LT(without, 0.1);
  // Half of the words get an error; the short ones and a swap of equal letters stay as they are.
  EXPECT_GT(with, without + 0.25);
  EXPECT_LT(with, without + 0.5);

  double changed = 0, slots = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Example plain, noisy;
    make_corpus_reader({.lines = 1, .seed = seed, .slot_noise = 0})->next(plain);
    make_corpus_reader({.lines = 1, .seed = seed, .slot_noise = 1})->next(noisy);
    ASSERT_EQ(plain.words, noisy.words);
    for (std::size_t i = 0; i < plain.tags.size(); ++i) {
      if (!plain.tags[i].starts_with("B-")) continue;
      ++slots;
      changed += plain.tags[i] != noisy.tags[i];
    }
  }
  EXPECT_EQ(changed, slots);
  EXPECT_GT(slots, 300);
}

// Accuracy on held-out lines of softmax regression on word counts, the simplest bag of words.
double bag_of_words_accuracy(const CorpusOptions& options) {
  std::map<std::string, int> words, intents;
  const auto read = [&](CorpusOptions o, bool grow) {
    std::vector<std::pair<std::vector<int>, int>> lines;
    for_each_line(o, [&](const Example& e) {
      std::vector<int> ids;
      for (const auto& w : e.words) {
        if (grow) words.emplace(w, static_cast<int>(words.size()));
        if (const auto found = words.find(w); found != words.end()) ids.push_back(found->second);
      }
      lines.emplace_back(ids,
                         intents.emplace(e.label, static_cast<int>(intents.size())).first->second);
    });
    return lines;
  };
  const auto train = read(options, true);
  CorpusOptions held_out = options;
  held_out.lines = 3000;
  held_out.split = Split::kTest;
  const auto test = read(held_out, false);
  const std::size_t classes = intents.size();
  std::vector<double> weights(words.size() * classes), scores(classes);
  const auto score = [&](const std::vector<int>& ids) {
    std::fill(scores.begin(), scores.end(), 0.0);
    for (const int id : ids) {
      for (std::size_t c = 0; c < classes; ++c) scores[c] += weights[id * classes + c];
    }
  };
  for (int epoch = 0; epoch < 6; ++epoch) {
    const double rate = 0.3 / (1 + epoch);
    for (const auto& [ids, label] : train) {
      score(ids);
      const double top = *std::max_element(scores.begin(), scores.end());
      double total = 0;
      for (double& s : scores) total += s = std::exp(s - top);
      for (const int id : ids) {
        for (std::size_t c = 0; c < classes; ++c) {
          weights[id * classes + c] -= rate * (scores[c] / total - (int(c) == label));
        }
      }
    }
  }
  double right = 0;
  for (const auto& [ids, label] : test) {
    score(ids);
    right += std::max_element(scores.begin(), scores.end()) - scores.begin() == label;
  }
  return right / static_cast<double>(test.size());
}

TEST(CorpusHardness, ABagOfWordsIsRightSometimesNotAlways) {
  const double accuracy = bag_of_words_accuracy({});
  EXPECT_GT(accuracy, 0.84);
  EXPECT_LT(accuracy, 0.93);
  // What it misses is mostly what word order tells.
  EXPECT_GT(bag_of_words_accuracy({.ambiguity = 0}), accuracy + 0.04);
}

}  // namespace
}  // namespace discreet::text
