#include <gtest/gtest.h>

#include <cmath>

#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

TEST(LastSeenGradients, HalfOfTheCohortIsNewWhileAnyoneIs) {
  const std::vector<double> activity = {5, 5, 5, 0, 5, 5};
  const float unknown = std::nanf("");
  std::vector<float> gradients(12, unknown);
  const SelectionOptions options{.cohort = 2, .signals = "last-seen"};
  const auto choose = [&] {
    return select_clients("divfl", {.activity = activity, .gradients = gradients, .gradient_size = 2,
                                    .round = 3},
                          options, 1);
  };
  EXPECT_EQ(choose().clients.size(), 2u);  // nobody was seen: all at random
  EXPECT_EQ(choose().cost.models_down, 0);
  EXPECT_EQ(choose().cost.numbers_up, 2 * 2);  // both tell their gradient, for later rounds
  EXPECT_EQ(choose().cost.gradients, 5 + 5);
  for (std::size_t k = 0; k < 3; ++k) gradients[2 * k] = gradients[2 * k + 1] = static_cast<float>(k == 2 ? 10 : 0);
  const auto clients = choose().clients;
  ASSERT_EQ(clients.size(), 2u);
  EXPECT_LT(clients[0], 3);  // one that was seen
  EXPECT_GT(clients[1], 3);  // one that was not, and holds something
}

}  // namespace
}  // namespace discreet::federated
