#include "discreet/mitigate/vectors/projection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/vectors/equalize.h"
#include "discreet/stats/probe.h"

namespace discreet::mitigate {
namespace {

AffineMap fit(const std::string& method, const ProjectionData& data, const std::vector<std::string>& set = {}) {
  core::Config config;
  for (const std::string& assignment : set) config.add_assignment(assignment);
  return core::registry().make<ProjectionMethod>("projection", method).fit(data, config);
}

/// Two classes whose means differ along one direction, and pairs row k of one with row k of the other.
ProjectionData shifted_rows(std::size_t pairs, std::size_t dimension, double shift, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  ProjectionData data{.dimension = dimension, .classes = 2};
  std::vector<double> direction(dimension);
  for (double& x : direction) x = rng.normal() / std::sqrt(static_cast<double>(dimension));
  for (std::size_t k = 0; k < pairs; ++k) {
    std::vector<double> base(dimension);
    for (double& x : base) x = rng.normal();
    for (const std::uint32_t label : {0u, 1u}) {
      for (std::size_t i = 0; i < dimension; ++i) {
        data.rows.push_back(base[i] + (label == 0 ? 0.5 : -0.5) * shift * direction[i] + 0.05 * rng.normal());
      }
      data.labels.push_back(label);
    }
    data.pairs.emplace_back(2 * k, 2 * k + 1);
  }
  return data;
}

double entry(const AffineMap& map, std::size_t i, std::size_t j) { return map.matrix[i * map.dimension + j]; }

void expect_projector(const AffineMap& map, bool symmetric) {
  const std::size_t d = map.dimension;
  double trace = 0;
  for (std::size_t i = 0; i < d; ++i) {
    trace += entry(map, i, i);
    for (std::size_t j = 0; j < d; ++j) {
      double square = 0;
      for (std::size_t k = 0; k < d; ++k) square += entry(map, i, k) * entry(map, k, j);
      EXPECT_NEAR(square, entry(map, i, j), 1e-9);
      if (symmetric) {
        EXPECT_NEAR(entry(map, i, j), entry(map, j, i), 1e-12);
      }
    }
  }
  EXPECT_NEAR(trace, static_cast<double>(d - map.removed), 1e-9);
}

TEST(Projection, ClassifierRowsGiveTheirProjector) {
  const std::vector<double> w = {3, 4, 0, 0, 1, 1};
  const AffineMap map = without_span(w, 3);
  const double expected[] = {.470588235,  -.352941176, .352941176, -.352941176, .264705882,
                             -.264705882, .352941176,  -.264705882, .264705882};
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(map.matrix[i], expected[i], 1e-9) << i;
  EXPECT_EQ(map.removed, 2u);
  for (const double x : map.apply(w)) EXPECT_NEAR(x, 0, 1e-12);
}

TEST(Projection, SentenceDebiasOfTwoPairs) {
  const ProjectionData data{.dimension = 3, .rows = {.9, .1, .2, -.8, .2, .1, .7, -.2, .3, -.6, .1, .4}, .labels = {}, .classes = 0,
                            .pairs = {{0, 1}, {2, 3}}};
  std::vector<std::string> notes;
  const std::vector<double> b = pair_directions(data, 1, notes);
  const double expected[] = {.990217783577, -.138568418571, -.016356480777};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(b[i] * (b[0] > 0 ? 1 : -1), expected[i], 1e-11);
  EXPECT_NE(notes.at(0).find("98.9 %"), std::string::npos) << notes[0];
  const AffineMap map = fit("sentence-debias", data);
  const std::vector<double> h = map.apply(std::vector<double>{.5, .5, .5});
  const double after[] = {.086439065771, .557872607006, .506831226002};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(h[i], after[i], 1e-11);
  const std::vector<double> again = map.apply(h);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(again[i], h[i], 1e-12);
  EXPECT_TRUE(map.linear());
}

TEST(Projection, LeaceOfEightRows) {
  const ProjectionData data{.dimension = 3,
                            .rows = {1, .2, .5, .8, -.1, .3, 1.2, .4, -.2, .9, 0, .7, -.5, .3, .1, -.8, .6, .4, -.3, -.2, -.1, -.6, .1, .9},
                            .labels = {1, 1, 1, 1, 0, 0, 0, 0},
                            .classes = 2,
                            .pairs = {}};
  const AffineMap map = fit("leace", data);
  const std::vector<double> rows = map.apply(data.rows);
  const double first[] = {.144308032883, .242083211498, .5}, fifth[] = {.263578825187, .262446943024, .1};
  double change = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(rows[i], first[i], 1e-11);
    EXPECT_NEAR(rows[12 + i], fifth[i], 1e-11);
    double ones = 0, zeros = 0, before = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      ones += rows[3 * k + i] / 4;
      zeros += rows[12 + 3 * k + i] / 4;
      before += (data.rows[3 * k + i] + data.rows[12 + 3 * k + i]) / 8;
    }
    EXPECT_NEAR(ones, zeros, 1e-14);
    EXPECT_NEAR((ones + zeros) / 2, before, 1e-14);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) change += std::pow(rows[i] - data.rows[i], 2) / 8;
  EXPECT_NEAR(change, .596781830403, 1e-11);
}

TEST(Projection, NothingLinearBeatsTheMajority) {
  const ProjectionData data = shifted_rows(200, 12, 3, 5);
  for (const std::string method : {"leace", "inlp"}) {
    const AffineMap map = fit(method, data);
    expect_projector(map, method == "inlp");
    const std::vector<double> rows = map.apply(data.rows);
    const stats::Probe probe(rows, data.dimension, data.labels, 2);
    const auto after = stats::count_right(probe.predict(rows), data.labels, 2);
    const stats::Probe plain(data.rows, data.dimension, data.labels, 2);
    EXPECT_GT(stats::count_right(plain.predict(data.rows), data.labels, 2).accuracy, .9);
    EXPECT_LE(after.accuracy, after.majority + .0101) << method;
  }
}

TEST(Projection, LeaceOfThreeClassesRemovesTwoDirections) {
  ProjectionData data = shifted_rows(150, 8, 2, 9);
  data.classes = 3;
  for (std::size_t i = 0; i < data.labels.size(); i += 3) {
    data.labels[i] = 2;
    data.rows[i * 8] += 2;
  }
  const AffineMap map = fit("leace", data);
  EXPECT_EQ(map.removed, 2u);
  const std::vector<double> rows = map.apply(data.rows);
  std::vector<double> sums(3 * 8, 0);
  std::vector<double> counts(3, 0);
  for (std::size_t i = 0; i < data.size(); ++i) {
    ++counts[data.labels[i]];
    for (std::size_t k = 0; k < 8; ++k) sums[data.labels[i] * 8 + k] += rows[i * 8 + k];
  }
  for (std::size_t k = 0; k < 8; ++k) {
    EXPECT_NEAR(sums[k] / counts[0], sums[8 + k] / counts[1], 1e-12);
    EXPECT_NEAR(sums[k] / counts[0], sums[16 + k] / counts[2], 1e-12);
  }
}

TEST(Projection, DirectionsWithoutVarianceStay) {
  ProjectionData data = shifted_rows(50, 4, 2, 3);
  ProjectionData wide{.dimension = 6, .rows = {}, .labels = data.labels, .classes = 2, .pairs = data.pairs};
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto row = data.row(i);
    wide.rows.insert(wide.rows.end(), row.begin(), row.end());
    wide.rows.insert(wide.rows.end(), {7, row[0]});  // a constant, and a column twice
  }
  const AffineMap map = fit("leace", wide);
  const std::vector<double> rows = map.apply(wide.rows);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    EXPECT_NEAR(rows[i * 6 + 4], 7, 1e-9);
    EXPECT_NEAR(rows[i * 6 + 5], rows[i * 6], 1e-9);
    for (std::size_t k = 0; k < 6; ++k) EXPECT_TRUE(std::isfinite(rows[i * 6 + k]));
  }
}

TEST(Projection, RankNoneAndFullAreRefused) {
  ProjectionData same{.dimension = 2, .rows = {1, 0, 1, 0, 0, 1, 0, 1}, .labels = {0, 1, 0, 1}, .classes = 2, .pairs = {{0, 1}, {2, 3}}};
  for (const char* method : {"leace", "inlp", "sentence-debias", "hard-debias"}) {
    try {
      fit(method, same);
      FAIL() << method;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      EXPECT_NE(std::string(error.what()).find("rank 0"), std::string::npos) << error.what();
    }
  }
  // One direction holds all there is.
  ProjectionData line{.dimension = 2, .rows = {1, 1, 2, 2, -1, -1, -2, -2}, .labels = {0, 0, 1, 1}, .classes = 2, .pairs = {{0, 2}, {1, 3}}};
  for (const char* method : {"leace", "inlp"}) EXPECT_THROW(fit(method, line), Error) << method;
  ProjectionData two{.dimension = 2, .rows = {1, 0, -1, 0, 0, 1, 0, -1}, .labels = {0, 1, 0, 1}, .classes = 2, .pairs = {{0, 1}, {2, 3}}};
  EXPECT_THROW(fit("sentence-debias", two, {"sentence-debias.components=2"}), Error);
  EXPECT_THROW(fit("sentence-debias", two, {"sentence-debias.components=3"}), Error);
  EXPECT_NO_THROW(fit("sentence-debias", two));
}

TEST(Projection, ZeroAndRepeatedRowsAreCountedAndHarmless) {
  ProjectionData data = shifted_rows(20, 5, 3, 2);
  const std::size_t n = data.size();
  data.rows.insert(data.rows.end(), 10, 0.0);
  data.rows.insert(data.rows.end(), data.rows.begin(), data.rows.begin() + 10);
  for (const std::uint32_t label : {0u, 1u, 0u, 1u}) data.labels.push_back(label);
  data.pairs.emplace_back(n, n + 1);
  data.pairs.emplace_back(0, n + 2);
  const OddRows odd = count_odd_rows(data);
  EXPECT_EQ(odd.zero, 2u);
  EXPECT_EQ(odd.repeated, 3u);
  for (const char* method : {"leace", "inlp", "sentence-debias", "hard-debias"}) {
    for (const double x : fit(method, data).matrix) ASSERT_TRUE(std::isfinite(x)) << method;
  }
  const AffineMap map = fit("sentence-debias", data);
  EXPECT_NE(map.notes.at(1).find("2 of 22 pairs have equal rows"), std::string::npos) << map.notes[1];
}

TEST(Equalize, PairsLieEquallyFarFromNeutralRows) {
  ProjectionData data = shifted_rows(10, 6, 3, 4);
  scale_to_unit(data.rows, 6);
  const AffineMap map = fit("hard-debias", data);
  std::vector<double> first(data.rows.begin(), data.rows.begin() + 6), second(data.rows.begin() + 6, data.rows.begin() + 12);
  ASSERT_TRUE(equalize_pair(map, first, second));
  std::vector<double> neutral = map.apply(data.row(7));
  scale_to_unit(neutral, 6);
  double a = 0, b = 0, length = 0, between = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    a += first[k] * neutral[k];
    b += second[k] * neutral[k];
    length += first[k] * first[k];
    between += std::abs(map.apply(first)[k] - map.apply(second)[k]);
  }
  EXPECT_NEAR(a, b, 1e-12);
  EXPECT_NEAR(length, 1, 1e-12);
  EXPECT_NEAR(between, 0, 1e-12);
  std::vector<double> one = first, same = first;
  EXPECT_FALSE(equalize_pair(map, one, same));
  EXPECT_EQ(one, first);
}

}  // namespace
}  // namespace discreet::mitigate
