#include "discreet/core/document.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json_schema.h"
#include "discreet/core/sha256.h"
#include "tests/core/temporary_folder.h"

namespace discreet::core {
namespace {

Json manifest_document() {
  Json document =
      Json::parse(R"({"schema":"discreet.run.manifest/1","version":"1","git_revision":null,
    "started":"2026-01-02T03:04:05Z","command_line":[],"seeds":{"model":1},"threads":1,"device":"cpu",
    "libtorch":null,"blas":null,"inputs":[]})");
  return document;
}

template <class F>
std::string document_failure(ErrorCode code, F work) {
  try {
    work();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "";
}

std::string invalid(const Json& document) {
  return document_failure(ErrorCode::kBadData, [&] { validate_document(document, "a.json"); });
}

TEST(Document, FrameHasWhatEveryDocumentHas) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "scores", "12345");
  const Json document = make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = {{"attack", "loss"}},
                                       .inputs = {describe_input("scores", folder / "scores")}});
  EXPECT_EQ(schema_name(document), "audit.membership");
  EXPECT_EQ(document["inputs"][0]["bytes"], 5);
  EXPECT_EQ(document["inputs"][0]["sha256"], sha256("12345"));
  EXPECT_TRUE(document["results"].empty());
  EXPECT_TRUE(document["caveats"].empty());
}

TEST(Document, InputsReadBack) {
  const InputFile input{"train", "a/b", 7, sha256("x")};
  const InputFile again = input_from_json(to_json(input));
  EXPECT_EQ(again.role, input.role);
  EXPECT_EQ(again.path, input.path);
  EXPECT_EQ(again.bytes, input.bytes);
  EXPECT_EQ(again.sha256, input.sha256);
  Json wrong = to_json(input);
  wrong["sha256"] = "abc";
  EXPECT_THROW(input_from_json(wrong), Error);
}

TEST(Document, HashOfAFolderSeesNamesAndBytes) {
  const TemporaryFolder folder;
  const auto path = folder / "model";
  std::filesystem::create_directories(path / "sub");
  write_file_atomically(path / "a", "1");
  write_file_atomically(path / "sub" / "b", "22");
  const InputFile first = describe_input("model", path);
  EXPECT_EQ(first.bytes, 3u);
  std::filesystem::rename(path / "a", path / "c");
  const InputFile renamed = describe_input("model", path);
  EXPECT_NE(renamed.sha256, first.sha256);
  std::filesystem::rename(path / "c", path / "a");
  EXPECT_EQ(describe_input("model", path).sha256, first.sha256);
  write_file_atomically(path / "a", "2");
  EXPECT_NE(describe_input("model", path).sha256, first.sha256);
  EXPECT_THROW(describe_input("model", folder / "absent"), Error);
}

TEST(Document, FileNameDependsOnTheQuestionOnly) {
  DocumentStart start{.schema = "discreet.audit.membership/1",
                      .configuration = {{"a", 1}, {"b", 2}},
                      .inputs = {{"scores", "here", 1, sha256("x")}}};
  const std::string name = document_file_name(make_document(start));
  EXPECT_EQ(name.rfind("membership-", 0), 0u);
  EXPECT_EQ(name.size(), std::string("membership-.json").size() + 12);

  DocumentStart moved = start;
  moved.inputs[0].path = "there";
  moved.configuration = {{"b", 2}, {"a", 1}};
  EXPECT_EQ(document_file_name(make_document(moved)), name);
  Json answered = make_document(start);
  answered["results"].push_back({{"auc", 0.5}});
  EXPECT_EQ(document_file_name(answered), name);

  DocumentStart other = start;
  other.configuration["a"] = 3;
  EXPECT_NE(document_file_name(make_document(other)), name);
  other = start;
  other.inputs[0].sha256 = sha256("y");
  EXPECT_NE(document_file_name(make_document(other)), name);
  start.schema = "discreet.fairness.groups/1";
  EXPECT_EQ(document_file_name(make_document(start)).rfind("fairness-groups-", 0), 0u);
}

TEST(Document, ValidationNamesFileAndPlace) {
  EXPECT_EQ(invalid(manifest_document()), "");
  Json document = manifest_document();
  document["threads"] = 0;
  EXPECT_EQ(invalid(document), "a.json: threads: expected >= 1, got 0");
  document = manifest_document();
  document["inputs"] = {{{"role", "train"}, {"path", "x"}, {"bytes", 1}, {"sha256", "00"}}};
  EXPECT_NE(invalid(document).find("a.json: inputs/0/sha256: expected a match"), std::string::npos);
  document = manifest_document();
  document["started"] = "yesterday";
  EXPECT_NE(invalid(document).find("started: expected a match"), std::string::npos);
}

TEST(Document, SchemaMustBeNamedAndKnown) {
  EXPECT_EQ(invalid(Json::array()), "a.json: not a document: it has no \"schema\"");
  EXPECT_EQ(invalid({{"schema", "discreet.run.manifest"}}),
            "a.json: schema \"discreet.run.manifest\" is not of the form name/version");
  EXPECT_EQ(invalid({{"schema", "discreet.run.manifesto/1"}}),
            "a.json: no schema is called 'run.manifesto'");
  Json newer = manifest_document();
  newer["schema"] = "discreet.run.manifest/2";
  EXPECT_NE(invalid(newer).find("schema: expected \"discreet.run.manifest/1\""), std::string::npos);
}

TEST(Document, ForeignDocumentsKeepTheFrame) {
  Json foreign = {{"schema", "acme.toxicity/3"}, {"results", {{{"anything", 1}}}}, {"own", true}};
  EXPECT_EQ(invalid(foreign), "");
  foreign["results"] = "none";
  EXPECT_EQ(invalid(foreign), "a.json: results: expected array, got \"none\"");
}

TEST(Document, WritingAWrongDocumentIsABugAndWritesNothing) {
  const TemporaryFolder folder;
  Json document = manifest_document();
  document.erase("device");
  document_failure(ErrorCode::kInternal, [&] { write_document(folder / "m.json", document); });
  EXPECT_FALSE(std::filesystem::exists(folder / "m.json"));
  write_document(folder / "m.json", manifest_document());
  EXPECT_EQ(read_document(folder / "m.json"), manifest_document());
}

TEST(Document, HostileNestingIsBadData) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  document_failure(ErrorCode::kBadData, [&] { parse_json(deep, "x"); });
  EXPECT_NO_THROW(parse_json(R"(["[[[[","\"[[["])", "x"));
}

/// Every schema in docs/schemas is one this program can apply, and names itself as its file does.
TEST(Document, BuiltInSchemasAreSound) {
  const auto names = document_schemas();
  EXPECT_GE(names.size(), 2u);
  for (const auto& name : names) {
    if (name == "error") continue;  // what --json prints in place of a document
    const Json& schema = document_schema(name);
    ASSERT_TRUE(schema.contains("properties") && schema["properties"].contains("schema")) << name;
    const std::string id = schema["properties"]["schema"].value("const", "");
    EXPECT_EQ(id.rfind("discreet." + name + "/", 0), 0u) << name << " says " << id;
    std::string failure;
    try {
      validate_document({{"schema", id}}, name);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData) << name << ": " << e.what();
    }
  }
  EXPECT_THROW(document_schema("common"), Error);
}

}  // namespace
}  // namespace discreet::core
