#include "discreet/formats/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/half.h"
#include "tests/core/temporary_folder.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

void put(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string open_failure(const std::string& bytes) {
  const core::TemporaryFolder folder;
  put(folder / "m", bytes);
  try {
    const SafetensorsFile file(folder / "m");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    return std::string(e.what()).substr((folder / "m: ").string().size());
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// One tensor "a" with this dtype, shape and offsets, in front of 8 bytes of data.
std::string one_tensor_failure(const std::string& dtype, const std::string& shape,
                               const std::string& offsets) {
  return open_failure(with_header(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape +
                                      R"(,"data_offsets":)" + offsets + "}}",
                                  std::string(8, '\0')));
}

TEST(Safetensors, ReadsAFileWrittenByHand) {
  const core::TemporaryFolder folder;
  const float values[] = {1.5f, -2.0f};
  put(folder / "m",
      with_header(
          R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
          R"("empty":{"dtype":"I64","shape":[0,3],"data_offsets":[8,8]},)"
          R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}   )",
          std::string(reinterpret_cast<const char*>(values), 8) + "\x07"));
  const SafetensorsFile file(folder / "m");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"a", "empty", "scalar"}));
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.at("a").shape, (std::vector<std::int64_t>{1, 2}));
  std::vector<float> read(2);
  copy_to_floats(file.at("a"), read);
  EXPECT_EQ(read, (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(file.at("empty").count(), 0);
  EXPECT_EQ(file.at("scalar").count(), 1);
  read.resize(1);
  copy_to_floats(file.at("scalar"), read);
  EXPECT_EQ(read[0], 7.0f);
  try {
    file.at("scalars");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.hint(), "The nearest name is 'scalar'.");
  }
}

TEST(Safetensors, NamesWhatIsWrongWithTheHeader) {
  EXPECT_EQ(open_failure("1234567"), "expected at least 8 bytes, got 7");
  EXPECT_EQ(open_failure(std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10)),
            "the header says it has 18446744073709551615 bytes; the file has 2 behind it, and the "
            "limit is 100000000");
  EXPECT_EQ(open_failure(with_header("{\"a\":", "")), "the header is not valid JSON at byte 14");
  EXPECT_EQ(open_failure(with_header("[]", "")), "the header is not a JSON object");
  EXPECT_EQ(open_failure(with_header(R"({"a":[[[[[[[[[[[]]]]]]]]]]]})", "")),
            "the header is nested too deeply");
  EXPECT_EQ(open_failure(with_header(R"({"__metadata__":{"a":1}})", "")),
            "__metadata__ holds something else than text");
  const std::string a = R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,1]})";
  EXPECT_EQ(open_failure(with_header("{" + a + "," + a + "}", "x")),
            "the header names \"a\" twice");
}

TEST(Safetensors, NamesWhatIsWrongWithATensor) {
  EXPECT_EQ(one_tensor_failure("F31", "[2]", "[0,8]"), "tensor \"a\": unknown dtype \"F31\"");
  EXPECT_EQ(one_tensor_failure("F32", "[2]", "[0,12]"),
            "tensor \"a\": bytes 0 to 12 lie outside the data of 8 bytes");
  EXPECT_EQ(one_tensor_failure("F32", "[2]", "[8,0]"),
            "tensor \"a\": bytes 8 to 0 lie outside the data of 8 bytes");
  EXPECT_EQ(one_tensor_failure("F32", "[3]", "[0,8]"),
            "tensor \"a\": F32 of shape [3] does not have 8 bytes");
  EXPECT_EQ(one_tensor_failure("F32", "[-2]", "[0,8]"),
            "tensor \"a\": \"shape\" is no list of sizes: [-2]");
  EXPECT_EQ(one_tensor_failure("F32", "[2.0]", "[0,8]"),
            "tensor \"a\": \"shape\" is no list of sizes: [2.0]");
  EXPECT_EQ(one_tensor_failure("F32", "[2]", "[0,8,8]"),
            "tensor \"a\": \"data_offsets\" is no pair of offsets: [0,8,8]");
  // The product of the shape wraps around to 2 in 64 bits.
  EXPECT_EQ(
      one_tensor_failure("F32", "[4611686018427387904,4611686018427387904,2]", "[0,8]"),
      "tensor \"a\": F32 of shape [4611686018427387904,4611686018427387904,2] does not have 8 "
      "bytes");
  EXPECT_EQ(one_tensor_failure("F32", "[18446744073709551615]", "[0,8]"),
            "tensor \"a\": \"shape\" is no list of sizes: [18446744073709551615]");
  EXPECT_EQ(open_failure(with_header(R"({"a":{"dtype":"F32","shape":[2]}})", "")),
            "tensor \"a\": has no \"data_offsets\"");
}

TEST(Safetensors, TensorsLieWithoutHoleOrOverlap) {
  const auto layout = [](const std::string& a, const std::string& b, std::size_t bytes) {
    return open_failure(with_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                                        R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b +
                                        "}}",
                                    std::string(bytes, 'x')));
  };
  EXPECT_EQ(layout("[0,2]", "[1,3]", 3),
            "tensor \"b\" begins at data byte 1, expected 2: it overlaps another");
  EXPECT_EQ(layout("[0,2]", "[3,5]", 5), "tensor \"b\" begins at data byte 3, expected 2: a hole");
  EXPECT_EQ(layout("[0,2]", "[2,4]", 6), "2 bytes behind the last tensor belong to none");
}

TEST(Safetensors, WritesAlignedSortedAndTheSameEachTime) {
  const core::TemporaryFolder folder;
  const std::vector<float> floats = {1, 2, 3};
  const std::vector<std::uint8_t> flags = {1, 0};
  const std::vector<std::int64_t> ids = {-1};
  const std::vector<NamedTensorView> tensors = {
      {"flags", {DType::kBool, {2}, std::as_bytes(std::span(flags))}},
      {"z", view_of(floats, {3})},
      {"b", view_of(floats, {1, 3})},
      {"ids", {DType::kI64, {1}, std::as_bytes(std::span(ids))}}};
  write_safetensors(folder / "m", tensors, {{"format", "pt"}});
  const std::string bytes = core::read_file(folder / "m");
  EXPECT_EQ(
      (8 + static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1])) % 8,
      0);
  const SafetensorsFile file(folder / "m");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"ids", "b", "z", "flags"}));
  for (const auto& name : file.names()) {
    const auto address = reinterpret_cast<std::uintptr_t>(file.at(name).bytes.data());
    EXPECT_EQ(address % dtype_bytes(file.at(name).dtype), 0u) << name;
  }
  write_safetensors(folder / "again", {{tensors[3], tensors[1], tensors[0], tensors[2]}},
                    {{"format", "pt"}});
  EXPECT_EQ(core::read_file(folder / "again"), bytes);
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const core::TemporaryFolder folder;
  const std::vector<float> floats = {1, 2, 3};
  const auto write = [&](std::vector<NamedTensorView> tensors) {
    write_safetensors(folder / "m", tensors);
  };
  EXPECT_THROW(write({{"a", view_of(floats, {3})}, {"a", view_of(floats, {3})}}), Error);
  EXPECT_THROW(write({{"a", view_of(floats, {2})}}), Error);
  EXPECT_THROW(write({{"__metadata__", view_of(floats, {3})}}), Error);
  EXPECT_FALSE(fs::exists(folder / "m"));
  write({});
  EXPECT_TRUE(SafetensorsFile(folder / "m").names().empty());
}

TEST(Safetensors, EveryDtypeBecomesFloats) {
  const auto floats_of = [](DType dtype, const auto& values) {
    std::vector<float> out(std::size(values));
    copy_to_floats(
        {dtype, {static_cast<std::int64_t>(out.size())}, std::as_bytes(std::span(values))}, out);
    return out;
  };
  const std::vector<float> expected = {2, -1};
  EXPECT_EQ(floats_of(DType::kF64, std::vector<double>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kF32, std::vector<float>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kF16, std::vector<std::uint16_t>{0x4000, 0xBC00}), expected);
  EXPECT_EQ(floats_of(DType::kBF16, std::vector<std::uint16_t>{0x4000, 0xBF80}), expected);
  EXPECT_EQ(floats_of(DType::kI64, std::vector<std::int64_t>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kI32, std::vector<std::int32_t>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kI16, std::vector<std::int16_t>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kI8, std::vector<std::int8_t>{2, -1}), expected);
  EXPECT_EQ(floats_of(DType::kU64, std::vector<std::uint64_t>{2, 3}), (std::vector<float>{2, 3}));
  EXPECT_EQ(floats_of(DType::kU32, std::vector<std::uint32_t>{2, 3}), (std::vector<float>{2, 3}));
  EXPECT_EQ(floats_of(DType::kU16, std::vector<std::uint16_t>{2, 3}), (std::vector<float>{2, 3}));
  EXPECT_EQ(floats_of(DType::kU8, std::vector<std::uint8_t>{2, 255}), (std::vector<float>{2, 255}));
  EXPECT_EQ(floats_of(DType::kBool, std::vector<std::uint8_t>{2, 0}), (std::vector<float>{1, 0}));
}

TEST(SafetensorsModel, FindsFileFolderOrShards) {
  const core::TemporaryFolder folder;
  const std::vector<float> floats = {1, 2};
  const auto index = [&](const std::string& text) {
    put(folder / "model.safetensors.index.json", text);
  };
  EXPECT_THROW(SafetensorsModel{folder.path()}, Error);
  write_safetensors(folder / "one.safetensors", {{{"a", view_of(floats, {2})}}});
  write_safetensors(folder / "two.safetensors", {{{"b", view_of(floats, {1, 2})}}});
  EXPECT_EQ(SafetensorsModel(folder / "one.safetensors").names(), std::vector<std::string>{"a"});
  index(R"({"weight_map":{"b":"two.safetensors","a":"one.safetensors"}})");
  const SafetensorsModel model(folder.path());
  EXPECT_EQ(model.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(model.at("b").shape.size(), 2u);
  EXPECT_THROW(model.at("c"), Error);

  for (const char* bad :
       {R"({"weight_map":{"a":"../one.safetensors"}})", R"({"weight_map":{"a":".."}})",
        R"({"weight_map":{"a":"two.safetensors"}})", R"({"weight_map":{"a":3}})",
        R"({"weight_map":[]})", "[]", R"({"weight_map":{"a":"absent"}})"}) {
    index(bad);
    EXPECT_THROW(SafetensorsModel{folder.path()}, Error) << bad;
  }
}

/// All 65536 values against the definition: sign, exponent, fraction.
TEST(Half, WidensEveryValueAndComesBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const int exponent = static_cast<int>(bits >> 10 & 31),
              fraction = static_cast<int>(bits & 1023);
    const float value = half_to_float(half);
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
      continue;
    }
    double expected = exponent == 31  ? INFINITY
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
    if (bits & 0x8000) expected = -expected;
    ASSERT_EQ(value, expected) << bits;
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0);
    ASSERT_EQ(float_to_half(value), half) << bits;
  }
}

TEST(Half, RoundsToNearestTiesToEven) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const double low = half_to_float(half),
                 high = half_to_float(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    const auto even = static_cast<std::uint16_t>(half % 2 == 0 ? half : half + 1);
    ASSERT_EQ(float_to_half(middle), even) << half;
    ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(float_to_half(std::nextafter(middle, INFINITY)), half + 1);
  }
  EXPECT_EQ(float_to_half(65519.996f), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(float_to_half(-1e30f), 0xFC00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0);
}

TEST(Bfloat16, RoundsToNearestTiesToEven) {
  EXPECT_EQ(bfloat16_to_float(0x3F80), 1.0f);
  EXPECT_EQ(float_to_bfloat16(1.0f), 0x3F80);
  EXPECT_EQ(float_to_bfloat16(1.00390625f), 0x3F80);  // tie, down to even
  EXPECT_EQ(float_to_bfloat16(1.01171875f), 0x3F82);  // tie, up to even
  EXPECT_EQ(float_to_bfloat16(std::nextafter(1.00390625f, 2.0f)), 0x3F81);
  EXPECT_EQ(float_to_bfloat16(3.4e38f), 0x7F80);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(NAN))));
  EXPECT_EQ(float_to_bfloat16(-INFINITY), 0xFF80);
}

}  // namespace
}  // namespace discreet::formats
