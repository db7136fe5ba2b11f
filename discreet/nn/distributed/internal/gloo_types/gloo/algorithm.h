#pragma once

namespace gloo {
class Algorithm;
}  // namespace gloo
