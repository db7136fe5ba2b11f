#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/nn/distributed/process_group.h"
#include "discreet/nn/optimizer.h"

namespace discreet::nn {

/// Rank 0's text, document or tensors, on every process; what the others pass is not looked at.
/// Collective. Tensors arrive on the CPU.
std::string share_text(ProcessGroup& group, std::string text);
Json share_json(ProcessGroup& group, const Json& document);
NamedTensors share_tensors(ProcessGroup& group, NamedTensors tensors);
/// The same for what only rank 0 can make: `make` is called there alone.
Json share_made(ProcessGroup& group, const std::function<Json()>& make);

/// Rank 0's values, into `tensors` of the same shapes on every process. Collective.
void share_values(ProcessGroup& group, const NamedTensors& tensors);

/// The vectors of all processes behind one another, in the order of ranks, on every process.
/// Collective; lengths may differ.
std::vector<double> join(ProcessGroup& group, const std::vector<double>& mine);
std::vector<float> join(ProcessGroup& group, const std::vector<float>& mine);
std::vector<std::int64_t> join(ProcessGroup& group, const std::vector<std::int64_t>& mine);

/// Throws kUsage, naming `what` and the rank, unless all processes pass the same text. Collective.
void check_same(ProcessGroup& group, const std::string& text, const std::string& what);

}  // namespace discreet::nn
