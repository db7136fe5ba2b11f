#include "discreet/app/ops/internal/device.h"

#include "discreet/core/operation.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

/// Request {"device": as run.device}, answer the same with its number. Throws as find_device.
Json device_operation(const Json& request, core::OperationContext&) {
  return {{"device", find_device(request.at("device").get<std::string>()).str()}};
}

}  // namespace
}  // namespace app

void register_operation_device(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "device",
                .summary = "Which device a name means on this machine",
                .make = core::Operation(&app::device_operation)});
}

}  // namespace discreet
