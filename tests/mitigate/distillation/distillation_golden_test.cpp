// Reference values computed in double precision from the definitions (Gupta et al. 2022 in our reading;
// Hinton et al. 2015): two teachers' scores, two students' logits.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/distillation/combination.h"
#include "discreet/mitigate/distillation/loss.h"
#include "discreet/mitigate/distillation/teacher_cache.h"
#include "tests/nn/support.h"

namespace discreet::mitigate {
namespace {

namespace fs = std::filesystem;

at::Tensor row(std::initializer_list<double> values) {
  return at::tensor(std::vector<double>(values), at::kDouble).unsqueeze(0);
}

at::Tensor first() { return row({2, .5, -1, 0}); }
at::Tensor second() { return row({.3, 2.2, -1, .1}); }

at::Tensor combined(const std::string& name, CombineOn on) {
  app::load_tensor_library();  // registers the combinations
  const at::Tensor aligned = at::ones({1}, at::kBool);
  return target_scores(outputs_of(first()), outputs_of(second()), aligned, name, on);
}

void expect_probabilities(const at::Tensor& scores, std::initializer_list<double> expected) {
  EXPECT_LT(nn::test::difference(scores.softmax(1), row(expected)), 1e-8);
}

TEST(CombinationGolden, OfLogits) {
  expect_probabilities(combined("max", CombineOn::kLogits), {.413093674, .504553753, .020566723, .061785850});
  expect_probabilities(combined("mean", CombineOn::kLogits), {.374425538, .457324384, .043614643, .124635434});
  expect_probabilities(combined("log-mean-exp", CombineOn::kLogits), {.392697045, .479641254, .033062496, .094599205});
  expect_probabilities(combined("swap", CombineOn::kLogits), {.113932108, .761738049, .031050122, .093279721});
}

TEST(CombinationGolden, OfLogProbabilities) {
  expect_probabilities(combined("max", CombineOn::kLogProbs), {.442900813, .475108348, .022050733, .059940107});
  expect_probabilities(combined("mean", CombineOn::kLogProbs), {.374425538, .457324384, .043614643, .124635434});
  expect_probabilities(combined("log-mean-exp", CombineOn::kLogProbs), {.412016016, .460091379, .033201958, .094690647});
  expect_probabilities(combined("swap", CombineOn::kLogProbs), {.113932108, .761738049, .031050122, .093279721});
}

TEST(Combination, InvariantsOfEveryOne) {
  app::load_tensor_library();
  core::ReproducibleRng rng(3, "combination");
  const at::Tensor a = nn::test::random_tensor({5, 7}, rng), b = nn::test::random_tensor({5, 7}, rng);
  ASSERT_EQ(core::registry().list("combination").size(), 4U);
  for (const core::Entry* entry : core::registry().list("combination")) {
    const auto combine = core::registry().make<Combination>("combination", entry->name);
    EXPECT_LT(nn::test::difference(combine(a, a), a), 1e-12) << entry->name;
    if (entry->name == "swap") {
      EXPECT_TRUE(at::equal(combine(combine(b, a), combine(a, b)), b));
    } else {
      EXPECT_LT(nn::test::difference(combine(a, b), combine(b, a)), 1e-12) << entry->name;
    }
    // A constant on one side moves what is made of logits by max and log-mean-exp alone.
    const at::Tensor aligned = at::ones({5}, at::kBool);
    const auto target = [&](const at::Tensor& other, CombineOn on) {
      return target_scores(outputs_of(a), outputs_of(other), aligned, entry->name, on).softmax(1);
    };
    const bool moved = entry->name == "max" || entry->name == "log-mean-exp";
    EXPECT_LT(nn::test::difference(target(b, CombineOn::kLogProbs), target(b + 3, CombineOn::kLogProbs)), 1e-12);
    EXPECT_EQ(nn::test::difference(target(b, CombineOn::kLogits), target(b + 3, CombineOn::kLogits)) > 1e-3, moved)
        << entry->name;
  }
}

TEST(Combination, RowsThatAreNotAlignedKeepTheOriginal) {
  app::load_tensor_library();
  const at::Tensor a = at::cat({first(), first()}), b = at::cat({second(), second()});
  const at::Tensor aligned = at::tensor(std::vector<std::int64_t>{0, 1}).to(at::kBool);
  const at::Tensor scores = target_scores(outputs_of(a), outputs_of(b), aligned, "swap", CombineOn::kLogits);
  EXPECT_LT(nn::test::difference(scores, at::cat({first(), second()})), 1e-12);
  EXPECT_THROW(target_scores(outputs_of(a), outputs_of(b), aligned, "maximum", CombineOn::kLogits), Error);
}

double loss_of(const at::Tensor& student, const at::Tensor& target, const DistillationWeights& weights, std::int64_t label = 0) {
  const at::Tensor labels = at::full({student.size(0)}, label, at::kLong);
  std::vector<std::int64_t> offsets{0, student.size(0)};
  return distillation_loss(student, labels, offsets,
                           [&](std::int64_t begin, std::int64_t end) { return target.narrow(0, begin, end - begin); }, weights)
      .item<double>();
}

TEST(DistillationLossGolden, SoftLossAtTemperatures) {
  const at::Tensor students = at::cat({row({1, 1, -.5, 0}), row({0, 1.5, -1.2, .4})}), teachers = at::cat({first(), second()});
  const DistillationWeights at_two{.temperature = 2, .soft = 1, .hard = 0}, at_one{.temperature = 1, .soft = 1, .hard = 0};
  EXPECT_NEAR(loss_of(students.narrow(0, 0, 1), teachers.narrow(0, 0, 1), at_two), .233129610732, 1e-11);
  EXPECT_NEAR(loss_of(students.narrow(0, 1, 1), teachers.narrow(0, 1, 1), at_two), .073906102712, 1e-11);
  EXPECT_NEAR(loss_of(students, teachers, at_two), .153517856722, 1e-11);
  EXPECT_NEAR(loss_of(students.narrow(0, 0, 1), teachers.narrow(0, 0, 1), at_one), .222898696250, 1e-11);
  EXPECT_NEAR(loss_of(students.narrow(0, 1, 1), teachers.narrow(0, 1, 1), at_one), .057873497302, 1e-11);
  // The combination comes before the division by T.
  EXPECT_NEAR(loss_of(students.narrow(0, 0, 1), combined("log-mean-exp", CombineOn::kLogProbs), at_two), .069049768705, 1e-11);
}

TEST(DistillationLoss, HardLossIsTheCrossEntropyOfTheLabel) {
  const at::Tensor student = row({1, 1, -.5, 0});
  const double expected = -student.log_softmax(1)[0][2].item<double>();
  EXPECT_NEAR(loss_of(student, first(), {.soft = 0, .hard = 1}, 2), expected, 1e-12);
  EXPECT_NEAR(loss_of(student, first(), {.temperature = 2, .soft = .5, .hard = .25}, 2),
              .5 * .233129610732 + .25 * expected, 1e-11);
}

/// A double-precision difference quotient of the weighted sum of losses, against the gradient.
void expect_gradient(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& losses) {
  at::Tensor leaf = x.clone().set_requires_grad(true);
  const at::Tensor out = losses(leaf);
  const at::Tensor weights = at::arange(1, out.size(0) + 1, at::kDouble);
  (out * weights).sum().backward();
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    at::Tensor up = x.clone(), down = x.clone();
    up.data_ptr<double>()[i] += kStep;
    down.data_ptr<double>()[i] -= kStep;
    const double slope = ((losses(up) - losses(down)) * weights).sum().item<double>() / (2 * kStep);
    EXPECT_NEAR(leaf.grad().data_ptr<double>()[i], slope, 1e-8) << i;
  }
}

TEST(DistillationLoss, GradientsAreThoseOfDifferences) {
  core::ReproducibleRng rng(5, "distillation");
  const at::Tensor logits = nn::test::random_tensor({6, 5}, rng), target = nn::test::random_tensor({6, 5}, rng);
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{1, 4, -1, 0, 2, -1});
  const std::vector<std::int64_t> offsets{0, 3, 5, 6};
  const DistillationWeights weights{.temperature = 3, .soft = .7, .hard = .4};
  const auto losses = [&](const at::Tensor& x) {
    return distillation_loss(x, labels, offsets,
                             [&](std::int64_t begin, std::int64_t end) { return target.narrow(0, begin, end - begin); }, weights);
  };
  expect_gradient(logits, losses);
  EXPECT_EQ(losses(logits)[2].item<double>(), 0);  // an example without a scored row
}

TEST(HiddenLoss, ValuesAndGradients) {
  core::ReproducibleRng rng(6, "hidden");
  const at::Tensor student = nn::test::random_tensor({4, 3}, rng), teacher = nn::test::random_tensor({4, 3}, rng);
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{1, -1, 0, 2});
  const std::vector<std::int64_t> offsets{0, 2, 4};
  const DistillationWeights weights{.hidden_cosine = 2, .hidden_squared = .5};
  expect_gradient(student, [&](const at::Tensor& x) { return hidden_loss(x, teacher, labels, offsets, weights); });
  const at::Tensor same = hidden_loss(teacher * 3, teacher, labels, offsets, {.hidden_cosine = 1});
  EXPECT_LT(same.abs().max().item<double>(), 1e-12);  // direction alone
  const double squared = (student - teacher)[0].square().mean().item<double>();
  EXPECT_NEAR(hidden_loss(student, teacher, labels, offsets, {.hidden_squared = 1})[0].item<double>(), squared, 1e-12);
}

class Cache : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("discreet_teacher_cache_" + std::to_string(getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(Cache, KeepsEverythingWhereThereIsRoom) {
  core::ReproducibleRng rng(7, "cache");
  const at::Tensor logits = nn::test::random_tensor({9, 6}, rng, at::kFloat) * 3;
  const at::Tensor hidden = nn::test::random_tensor({9, 4}, rng, at::kFloat);
  TeacherCacheWriter writer(folder_ / "a.teacher", {.vocabulary = 6, .kept = 256, .hidden = 4}, "key");
  writer.add(logits.narrow(0, 0, 5), hidden.narrow(0, 0, 5));
  writer.add(logits.narrow(0, 5, 4), hidden.narrow(0, 5, 4));
  EXPECT_FALSE(has_teacher_cache(folder_ / "a.teacher", "key"));  // nothing before the end
  writer.finish();
  const TeacherCache cache(folder_ / "a.teacher", "key");
  ASSERT_EQ(cache.rows(), 9);
  const std::vector<std::int64_t> rows{8, 0, 3};
  const at::Tensor index = at::tensor(rows);
  const TeacherOutputs outputs = cache.outputs(rows);
  // Half precision: |l| 2^-11 and what renormalising makes of it.
  EXPECT_LT((outputs.log_probs - logits.log_softmax(1).index_select(0, index)).abs().max().item<double>(), 1e-2);
  EXPECT_LT(nn::test::difference(outputs.log_probs.exp().sum(1), at::ones({3})), 1e-6);
  EXPECT_LT(nn::test::difference(outputs.log_sum_exp, logits.logsumexp(1).index_select(0, index)), 1e-5);
  EXPECT_LT((cache.hidden(rows) - hidden.index_select(0, index)).abs().max().item<double>(), 2e-3);
}

TEST_F(Cache, TakesRowsInAnyOrderAndFromAnotherCache) {
  core::ReproducibleRng rng(9, "cache");
  for (const std::int64_t kept : {5, 64}) {
    const at::Tensor logits = nn::test::random_tensor({8, 40}, rng, at::kFloat), hidden = nn::test::random_tensor({8, 3}, rng, at::kFloat);
    TeacherCacheWriter first(folder_ / "d.teacher", {.vocabulary = 40, .kept = kept, .hidden = 3}, "key");
    first.add(logits, hidden);
    first.finish();
    const TeacherCache known(folder_ / "d.teacher", "key");
    TeacherCacheWriter mixed(folder_ / "e.teacher", {.vocabulary = 40, .kept = kept}, "key");
    const std::vector<std::int64_t> from{6, 7, 2}, copied{0, 1, 5}, asked{3, 4, 2, 6};
    mixed.add_copies(known, from, copied);
    mixed.add(logits.index_select(0, at::tensor(asked)), {}, asked);
    mixed.finish();
    const TeacherCache cache(folder_ / "e.teacher", "key");
    ASSERT_EQ(cache.rows(), 7);
    const std::vector<std::int64_t> all{0, 1, 2, 3, 4, 5, 6}, source{6, 7, 2, 3, 4, 2, 6};
    const TeacherOutputs found = cache.outputs(all), expected = known.outputs(source);
    EXPECT_TRUE(at::equal(found.log_probs, expected.log_probs));
    EXPECT_TRUE(at::equal(found.log_sum_exp, expected.log_sum_exp));
    TeacherCacheWriter gap(folder_ / "f.teacher", {.vocabulary = 40, .kept = kept}, "key");
    gap.add_copies(known, from, copied);
    EXPECT_THROW(gap.finish(), Error);
    TeacherCacheWriter other(folder_ / "g.teacher", {.vocabulary = 40, .kept = kept + 1}, "key");
    EXPECT_THROW(other.add_copies(known, from, copied), Error);
  }
}

TEST_F(Cache, SpreadsTheRestOverWhatIsNotKept) {
  core::ReproducibleRng rng(8, "cache");
  for (const std::int64_t vocabulary : {50, 70000}) {  // ids of 16 and of 32 bits
    const at::Tensor logits = nn::test::random_tensor({3, vocabulary}, rng, at::kFloat) * 2;
    TeacherCacheWriter writer(folder_ / "b.teacher", {.vocabulary = vocabulary, .kept = 8}, "key");
    writer.add(logits, {});
    writer.finish();
    const TeacherCache cache(folder_ / "b.teacher", "key");
    const std::vector<std::int64_t> rows{0, 1, 2};
    const at::Tensor p = cache.outputs(rows).log_probs.exp(), exact = logits.softmax(1);
    const auto [values, ids] = exact.topk(8, 1);
    EXPECT_LT((p.gather(1, ids) / values - 1).abs().max().item<double>(), 1e-2);
    const double rest = 1 - values.sum(1)[1].item<double>();
    EXPECT_NEAR((p[1].sum() - p[1].index_select(0, ids[1]).sum()).item<double>(), rest, 1e-2 * rest);
    const std::int64_t other = exact[1].argmin().item<std::int64_t>();
    EXPECT_NEAR(p[1][other].item<double>(), rest / static_cast<double>(vocabulary - 8), 1e-2 * rest);
  }
}

TEST_F(Cache, RefusesWhatIsDamagedOrOfAnotherTeacher) {
  const fs::path path = folder_ / "c.teacher";
  TeacherCacheWriter writer(path, {.vocabulary = 4, .kept = 4}, "teacher and text");
  writer.add(at::zeros({2, 4}), {});
  writer.finish();
  EXPECT_TRUE(has_teacher_cache(path, "teacher and text"));
  EXPECT_THROW(TeacherCache(path, "another"), Error);
  EXPECT_FALSE(has_teacher_cache(path, "another"));
  std::string bytes = core::read_file(path);
  core::write_file_atomically(path, std::string_view(bytes).substr(0, bytes.size() - 1));
  EXPECT_THROW(TeacherCache(path, "teacher and text"), Error);
  core::write_file_atomically(path, "no cache");
  EXPECT_THROW(TeacherCache(path, "teacher and text"), Error);
}

}  // namespace
}  // namespace discreet::mitigate
