#include "discreet/text/biographies.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::text {
namespace {

std::vector<Example> biographies(const std::string& knobs) {
  return read_all(*make_biography_reader(parse_biography_spec("biographies:" + knobs)));
}

bool has(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

double share(const std::vector<Example>& examples, const std::function<bool(const Example&)>& is) {
  double n = 0;
  for (const Example& example : examples) n += is(example);
  return n / static_cast<double>(examples.size());
}

bool leans_female(const Example& example) {
  for (const auto& profession : biography_professions()) {
    if (profession.name == example.groups.at("profession")) return profession.leans_female;
  }
  throw internal_error("no profession");
}

// 4,000 lines: a share differs from its chance by .04 with a probability below 1e-6.
TEST(Biographies, PlantsItsSkew) {
  for (const double skew : {.1, .5, .9}) {
    const auto examples = biographies("lines=4000,skew=" + std::to_string(skew));
    EXPECT_NEAR(share(examples, [](const Example& e) { return leans_female(e) == (e.groups.at("gender") == "f"); }), skew, .04);
    EXPECT_NEAR(share(examples, leans_female), .5, .04);
  }
}

TEST(Biographies, PronounsTellAsMuchAsAsked) {
  for (const double pronouns : {.5, .75, 1.}) {
    const auto examples = biographies("lines=4000,skew=0.5,pronouns=" + std::to_string(pronouns));
    EXPECT_NEAR(share(examples, [](const Example& e) { return e.text.starts_with("She ") == (e.groups.at("gender") == "f"); }),
                pronouns, pronouns == 1 ? 0 : .04);
  }
}

TEST(Biographies, ProxiesTellAsMuchAsAsked) {
  for (const double proxies : {.5, .95}) {
    const auto examples = biographies("lines=4000,skew=0.5,proxies=" + std::to_string(proxies));
    std::map<std::string, double> with_chess, all;
    for (const Example& example : examples) {
      all[example.groups.at("gender")] += 1;
      with_chess[example.groups.at("gender")] += has(example.text, "chess");
    }
    const double m = with_chess["m"] / all["m"], f = with_chess["f"] / all["f"];
    const double chance = 1 - std::pow(1 - proxies / 8, 2), against = 1 - std::pow(1 - (1 - proxies) / 8, 2);
    EXPECT_NEAR(m, chance, .05);
    EXPECT_NEAR(f, against, .05);
  }
}

TEST(Biographies, OutcomesFollowGenderAsOftenAsAsked) {
  for (const double bias : {0., .6}) {
    const auto examples = biographies("lines=4000,label=outcome,skew=0.5,bias=" + std::to_string(bias));
    std::map<std::string, double> accepted, all;
    for (const Example& example : examples) {
      all[example.groups.at("gender")] += 1;
      accepted[example.groups.at("gender")] += example.label == "accepted";
    }
    EXPECT_NEAR(accepted["m"] / all["m"] - accepted["f"] / all["f"], bias, .08);
  }
}

TEST(Biographies, TextsDoNotDependOnTheirLabels) {
  const auto plain = biographies("lines=200,seed=3"), outcome = biographies("lines=200,seed=3,label=outcome,bias=0.7"),
             gender = biographies("lines=200,seed=3,label=gender,label_noise=0.5");
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].text, outcome[i].text);
    EXPECT_EQ(plain[i].text, gender[i].text);
    EXPECT_EQ(plain[i].label, plain[i].groups.at("profession"));
    EXPECT_FALSE(has(plain[i].text, plain[i].label));
  }
  EXPECT_NEAR(share(gender, [](const Example& e) { return e.label == e.groups.at("gender"); }), .5, .18);
  EXPECT_TRUE(has(biographies("lines=1,title=true")[0].text, biographies("lines=1,title=true")[0].groups.at("profession")));
  EXPECT_NE(biographies("lines=1,split=test")[0].text, plain[0].text);
}

TEST(Biographies, NoiseReplacesLabels) {
  const auto examples = biographies("lines=4000,label_noise=0.3");
  EXPECT_NEAR(share(examples, [](const Example& e) { return e.label != e.groups.at("profession"); }), .3, .04);
}

TEST(Biographies, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(parse_biography_spec("biographies:skwe=1"), Error);
  EXPECT_THROW(parse_biography_spec("biographies:skew=2"), Error);
  EXPECT_THROW(parse_biography_spec("biographies:skew"), Error);
  EXPECT_FALSE(is_biography_spec("biographiesx"));
}

}  // namespace
}  // namespace discreet::text
