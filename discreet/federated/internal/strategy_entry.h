#pragma once

#include <memory>
#include <string>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {

/// Registers `Strategy`, which is made from StrategyOptions.
template <typename Strategy>
void add_strategy(core::Registry& registry, const std::string& name, const std::string& summary,
                  const std::string& reference) {
  registry.add({.kind = "strategy",
                .name = name,
                .summary = summary,
                .reference = reference,
                .fields = strategy_fields().info(),
                .make = MakeStrategy([](const StrategyOptions& options) {
                  return std::unique_ptr<ServerStrategy>(new Strategy(options));
                })});
}

}  // namespace discreet::federated
