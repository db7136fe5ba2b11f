#include "discreet/formats/gguf.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/formats/safetensors.h"
#include "tests/formats/gguf_bytes.h"

namespace discreet::formats {
namespace {

GgufFile open_gguf(const std::string& bytes) {
  return GgufFile("g", std::as_bytes(std::span(bytes)));
}

std::string gguf_refusal(const std::string& bytes) {
  try {
    open_gguf(bytes);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

void expect_gguf_refusal(const GgufBytes& file, const std::string& part) {
  const std::string message = gguf_refusal(file.bytes());
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Gguf, ReadsEveryKindOfValue) {
  for (const std::uint32_t version : {2u, 3u}) {
    GgufBytes bytes(version);
    bytes.key("u8", 0, "\xff").key("i8", 1, "\xff").key("u16", 2, "\xfe\xff");
    bytes.key("i16", 3, "\xfe\xff").integer("u32", 4'000'000'000u);
    bytes.key("i32", 5, GgufBytes::raw<std::int32_t>(-7)).real("f32", 0.5f).boolean("yes", true);
    bytes.text("text", "a\xC3\xA9").key("u64", 10, GgufBytes::raw<std::uint64_t>(1ull << 40));
    bytes.key("i64", 11, GgufBytes::raw<std::int64_t>(-(1ll << 40)));
    bytes.key("f64", 12, GgufBytes::raw(0.1)).texts("texts", {"x", "", "yz"});
    bytes.list<std::int8_t>("small", 1, {1, -1}).list<float>("reals", 6, {0.25f, 4});
    bytes.list<std::uint8_t>("bools", 7, {1, 0});
    const std::string whole = bytes.bytes();
    const GgufFile file = open_gguf(whole);
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.integer("u8"), 255);
    EXPECT_EQ(file.integer("i8"), -1);
    EXPECT_EQ(file.integer("u16"), 65534);
    EXPECT_EQ(file.integer("i16"), -2);
    EXPECT_EQ(file.integer("u32"), 4'000'000'000);
    EXPECT_EQ(file.integer("i32"), -7);
    EXPECT_EQ(file.real("f32"), 0.5);
    EXPECT_EQ(file.boolean("yes"), true);
    EXPECT_EQ(file.text("text"), "a\xC3\xA9");
    EXPECT_EQ(file.integer("u64"), 1ll << 40);
    EXPECT_EQ(file.integer("i64"), -(1ll << 40));
    EXPECT_EQ(file.real("f64"), 0.1);
    EXPECT_EQ(file.real("i8"), -1.0);
    EXPECT_EQ(*file.texts("texts"), (std::vector<std::string>{"x", "", "yz"}));
    EXPECT_EQ(*file.integers("small"), (std::vector<std::int64_t>{1, -1}));
    EXPECT_EQ(*file.reals("reals"), (std::vector<double>{0.25, 4}));
    EXPECT_EQ(*file.integers("bools"), (std::vector<std::int64_t>{1, 0}));
    EXPECT_EQ(file.texts("absent"), nullptr);
    EXPECT_FALSE(file.integer("absent").has_value());
    EXPECT_THROW(file.integer("text"), Error);
  }
}

TEST(Gguf, ShapesAreRowMajorAndTensorsLieAtTheAlignment) {
  GgufBytes bytes;
  bytes.tensor("a", {2, 3}, {1, 2, 3, 4, 5, 6}).tensor("b", {}, {7});
  const std::string whole = bytes.bytes();
  const GgufFile file = open_gguf(whole);
  EXPECT_EQ(file.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file.at("a").shape, (std::vector<std::int64_t>{2, 3}));
  std::vector<float> values(6), one(1);
  dequantize(file.at("a"), values);
  dequantize(file.at("b"), one);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(one[0], 7);
  GgufBytes wide;
  wide.integer("general.alignment", 128).tensor("a", {1}, {3});
  const std::string wide_bytes = wide.bytes(128);
  EXPECT_EQ(open_gguf(wide_bytes).at("a").count(), 1);
}

/// One block of each small type by hand: scale 0.5, minimum -1.
TEST(Gguf, BlocksByHand) {
  const std::string half("\x00\x38", 2), minus_one("\x00\xbc", 2);
  const auto widened = [](std::uint32_t type, const std::string& block) {
    GgufBytes bytes;
    bytes.tensor("a", {32}, type, block);
    const std::string whole = bytes.bytes();
    std::vector<float> values(32);
    dequantize(open_gguf(whole).at("a"), values);
    return values;
  };
  const std::string pairs = "\x1f" + std::string(15, '\x80');
  const auto q4_0 = widened(2, half + pairs);
  EXPECT_EQ(q4_0[0], 0.5f * (15 - 8));
  EXPECT_EQ(q4_0[16], 0.5f * (1 - 8));
  EXPECT_EQ(q4_0[31], 0.0f);
  const auto q4_1 = widened(3, half + minus_one + pairs);
  EXPECT_EQ(q4_1[0], 6.5f);
  EXPECT_EQ(q4_1[16], -0.5f);
  const std::string fifth("\x01\x00\x01\x80", 4);  // values 0, 16 and 31
  const auto q5_0 = widened(6, half + fifth + pairs);
  EXPECT_EQ(q5_0[0], 0.5f * (31 - 16));
  EXPECT_EQ(q5_0[1], 0.5f * (0 - 16));
  EXPECT_EQ(q5_0[16], 0.5f * (17 - 16));
  EXPECT_EQ(q5_0[31], 0.5f * (24 - 16));
  const auto q5_1 = widened(7, half + minus_one + fifth + pairs);
  EXPECT_EQ(q5_1[0], 0.5f * 31 - 1);
  const auto q8_0 = widened(8, half + "\x80" + std::string(31, '\x7f'));
  EXPECT_EQ(q8_0[0], -64.0f);
  EXPECT_EQ(q8_0[1], 63.5f);
}

/// Random blocks of every type, with the values that gguf-py gives them
/// (tools/golden/gguf_blocks.py): equal bit for bit.
TEST(GgufGolden, BlocksAreWidenedAsTheReferenceDoes) {
  const auto folder = std::filesystem::path(DISCREET_SOURCE_DIR) / "tests/golden/gguf";
  const GgufFile file(folder / "blocks.gguf");
  const SafetensorsFile expected(folder / "blocks.safetensors");
  EXPECT_EQ(file.integer("blocks.count"), 7);
  EXPECT_EQ(*file.integers("blocks.numbers"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(file.names().size(), 11u);
  for (const std::string& name : file.names()) {
    const GgufTensor& tensor = file.at(name);
    EXPECT_EQ(ggml_type_name(tensor.type), name);
    EXPECT_EQ(tensor.shape, expected.at(name).shape);
    std::vector<float> values(static_cast<std::size_t>(tensor.count())), theirs(values.size());
    dequantize(tensor, values);
    copy_to_floats(expected.at(name), theirs);
    EXPECT_EQ(values, theirs) << name;
  }
}

TEST(Gguf, HostileHeadersAreRefusedBeforeMemoryIsTaken) {
  EXPECT_EQ(gguf_refusal("GGU"), "g: byte 0: does not begin with \"GGUF\"");
  expect_gguf_refusal(GgufBytes(1), "version 1, expected 2 or 3");
  expect_gguf_refusal(GgufBytes(0x03000000), "big-endian");
  GgufBytes claims;
  claims.tensor_count = 1ull << 60;
  expect_gguf_refusal(claims, "tensors: 1152921504606846976 are claimed");
  GgufBytes keys;
  keys.key_count = 1ull << 60;
  expect_gguf_refusal(keys, "keys: 1152921504606846976 are claimed");
  GgufBytes array;
  array.key("a", 9, GgufBytes::raw<std::uint32_t>(0) + GgufBytes::raw<std::uint64_t>(1ull << 61));
  expect_gguf_refusal(array, "array: 2305843009213693952 are claimed");
  GgufBytes nested;
  nested.key("a", 9, GgufBytes::raw<std::uint32_t>(9) + GgufBytes::raw<std::uint64_t>(1));
  expect_gguf_refusal(nested, "arrays of arrays");
  GgufBytes text;
  text.key("a", 8, GgufBytes::raw<std::uint64_t>(1ull << 62));
  expect_gguf_refusal(text, "text claims 4611686018427387904 bytes");
  GgufBytes kind;
  kind.key("a", 77, "");
  expect_gguf_refusal(kind, "unknown kind of value 77");
  expect_gguf_refusal(GgufBytes().key("b", 7, "\x02"), "a bool is 2");
  expect_gguf_refusal(GgufBytes().key("i", 10, std::string(8, '\xff')), "too large");
  expect_gguf_refusal(GgufBytes().integer("a", 1).integer("a", 2), "the key \"a\" stands twice");
}

TEST(Gguf, TensorsThatCannotBeAreRefusedByName) {
  const std::string data(64, '\0');
  GgufBytes overflow;
  overflow.entry("a", {1ull << 33, 1ull << 33}, 0, 0);
  expect_gguf_refusal(overflow, "tensor \"a\": its size overflows");
  GgufBytes dimensions;
  dimensions.entry("a", {1, 1, 1, 1, 1}, 0, 0);
  expect_gguf_refusal(dimensions, "tensor \"a\": 5 dimensions");
  GgufBytes unknown;
  unknown.entry("a", {256}, 16, 0);
  expect_gguf_refusal(unknown, "the type IQ2_XXS is not supported");
  GgufBytes number;
  number.entry("a", {256}, 999, 0);
  expect_gguf_refusal(number, "the type number 999 is not supported");
  GgufBytes rows;
  rows.entry("a", {32, 16}, 2, 0);
  expect_gguf_refusal(rows, "rows of 16 values are no multiple of Q4_0's blocks of 32");
  GgufBytes outside;
  outside.tensor("a", {16}, 0, data).entry("b", {16}, 0, 32);
  expect_gguf_refusal(outside, "tensor \"b\": 64 bytes at data byte 32; the data have 64");
  GgufBytes overlap;
  overlap.tensor("a", {16}, 0, data).entry("b", {8}, 0, 32);
  expect_gguf_refusal(overlap, "it overlaps another");
  GgufBytes hole;
  hole.tensor("a", {1}, 0, std::string(4, '\0'));
  hole.tensor("b", {1}, 0, data);
  expect_gguf_refusal(hole, "belong to none");
  GgufBytes late;
  late.tensor("a", {8}, 0, data + data).entry("b", {8}, 0, 64);
  expect_gguf_refusal(late, "tensor \"b\" begins at data byte 64, expected 32: a hole");
  expect_gguf_refusal(GgufBytes().tensor("a", {1}, {1}).tensor("a", {1}, {1}), "stands twice");
  expect_gguf_refusal(GgufBytes().integer("general.alignment", 48).tensor("a", {1}, {1}),
                      "a power of two");
}

}  // namespace
}  // namespace discreet::formats
