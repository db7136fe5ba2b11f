// Trains a private model on the built-in corpus; usage: train RUN [section.key=value …]
#include <cstdio>
#include <vector>

#include "discreet/app/loader.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::vector<std::string> keys = {"privacy.mechanism=dp-sgd", "privacy.epsilon=8", "privacy.delta=1e-5"};
  keys.insert(keys.end(), argv + 2, argv + argc);
  discreet::core::OperationContext context;
  const auto result = discreet::app::call_operation("train", {{"run", argv[1]}, {"set", keys}}, context);
  std::printf("intent accuracy %.3f at epsilon %.2f, delta %g: %s\n",
              result["metrics"]["intent_accuracy"].get<double>(), result["epsilon"].get<double>(),
              result["delta"].get<double>(), result["run"].get<std::string>().c_str());
}
