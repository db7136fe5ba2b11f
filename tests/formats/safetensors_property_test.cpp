#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>

#include "discreet/formats/safetensors.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {

/// Whatever is written reads back: names, dtypes, shapes, bytes, metadata.
TEST(SafetensorsProperty, RoundTrip) {
  const core::TemporaryFolder folder;
  EXPECT_TRUE(rc::check([&] {
    const auto names = *rc::gen::unique<std::vector<std::string>>(
        rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('!', '~'))));
    std::vector<std::vector<std::byte>> storage;
    std::vector<NamedTensorView> tensors;
    for (const auto& name : names) {
      const auto dtype = static_cast<DType>(*rc::gen::inRange(0, 13));
      auto shape =
          *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 4));
      shape.resize(std::min<std::size_t>(shape.size(), 4));
      const TensorView empty{dtype, shape, {}};
      auto& bytes =
          storage.emplace_back(static_cast<std::size_t>(empty.count()) * dtype_bytes(dtype));
      std::generate(bytes.begin(), bytes.end(),
                    [] { return static_cast<std::byte>(*rc::gen::inRange(0, 256)); });
      tensors.push_back({name, {dtype, shape, bytes}});
    }
    const auto metadata = *rc::gen::container<std::map<std::string, std::string>>(
        rc::gen::container<std::string>(rc::gen::inRange(' ', '~')),
        rc::gen::container<std::string>(rc::gen::inRange(' ', '~')));
    write_safetensors(folder / "m", tensors, metadata);
    const SafetensorsFile file(folder / "m");
    RC_ASSERT(file.names().size() == tensors.size());
    RC_ASSERT(file.metadata() == metadata);
    for (const auto& [name, tensor] : tensors) {
      const TensorView& read = file.at(name);
      RC_ASSERT(read.dtype == tensor.dtype);
      RC_ASSERT(read.shape == tensor.shape);
      RC_ASSERT(std::ranges::equal(read.bytes, tensor.bytes));
    }
  }));
}

}  // namespace
}  // namespace discreet::formats
