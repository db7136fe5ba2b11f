#include "discreet/text/subword/internal/post_processor.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/json_fields.h"

namespace discreet::text::subword {
namespace {

constexpr std::size_t kMostTemplateItems = 4096;

TemplateItem special(const std::string& token, std::int32_t id, std::int32_t type_id) {
  return {.sequence = -1, .id = id, .token = token, .type_id = type_id};
}
TemplateItem sequence(int which, std::int32_t type_id) { return {.sequence = which, .type_id = type_id}; }

/// ["[SEP]", 102]
std::pair<std::string, std::int32_t> token_and_id(const JsonFields& f, const char* key) {
  const Json& value = f.list(key);
  const bool fits = value.size() == 2 && value[0].is_string() && value[1].is_number_integer() &&
                    value[1].get<std::int64_t>() >= 0 && value[1].get<std::int64_t>() <= INT32_MAX;
  if (!fits) f.fail(key, "a token and its id");
  return {value[0].get<std::string>(), value[1].get<std::int32_t>()};
}

struct SpecialToken {
  std::vector<std::int32_t> ids;
  std::vector<std::string> tokens;
};

SpecialToken special_token(const JsonFields& tokens, const std::string& name, const std::string& where) {
  if (!tokens.json().contains(name)) {
    throw bad_data(fmt::format("{}: special token '{}' is not in special_tokens", where, name.substr(0, 80)));
  }
  const JsonFields f(tokens.json()[name], tokens.where() + "." + name);
  SpecialToken found;
  for (const Json& id : f.list("ids")) {
    const bool fits = id.is_number_integer() && id.get<std::int64_t>() >= 0 && id.get<std::int64_t>() <= INT32_MAX;
    if (!fits) f.fail("ids", "token ids");
    found.ids.push_back(id.get<std::int32_t>());
  }
  for (const Json& token : f.list("tokens")) found.tokens.push_back(item_text(token, f.at("tokens")));
  if (found.ids.size() != found.tokens.size()) f.fail("tokens", "as many tokens as ids");
  return found;
}

std::vector<TemplateItem> template_items(const JsonFields& f, const char* key, const JsonFields& tokens) {
  std::vector<TemplateItem> items;
  const Json& list = f.list(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("{}.{}[{}]", f.where(), key, i);
    const JsonFields item(list[i], where);
    item.only({"SpecialToken", "Sequence"});
    const bool is_sequence = item.has("Sequence");
    const char* kind = is_sequence ? "Sequence" : "SpecialToken";
    const JsonFields inner(item.object(kind), where + "." + kind);
    const auto type_id = static_cast<std::int32_t>(inner.integer("type_id", 0, INT32_MAX));
    const std::string id = inner.text("id");
    if (is_sequence) {
      if (id != "A" && id != "B") inner.fail("id", "A or B");
      if (id == "B" && std::string_view(key) == "single") inner.fail("id", "A, for one text");
      items.push_back(sequence(id == "A" ? 0 : 1, type_id));
    } else {
      const SpecialToken token = special_token(tokens, id, where);
      for (std::size_t k = 0; k < token.ids.size(); ++k) {
        items.push_back(special(token.tokens[k], token.ids[k], type_id));
      }
    }
    if (items.size() > kMostTemplateItems) f.refuse("the template is too long");
  }
  return items;
}

void apply_template(const JsonFields& f, PostProcessor& p) {
  f.only({"single", "pair", "special_tokens"});
  const Json none = Json::object();
  const JsonFields tokens(f.has("special_tokens") ? f.object("special_tokens") : none, f.at("special_tokens"));
  p.single = template_items(f, "single", tokens);
  p.pair = template_items(f, "pair", tokens);
  const auto count = [](const std::vector<TemplateItem>& items, int which) {
    return std::count_if(items.begin(), items.end(), [&](const TemplateItem& i) { return i.sequence == which; });
  };
  if (count(p.single, 0) != 1) f.fail("single", "sequence A once");
  if (count(p.pair, 0) != 1 || count(p.pair, 1) != 1) f.fail("pair", "sequences A and B once each");
}

void apply_bert(const JsonFields& f, PostProcessor& p) {
  f.only({"sep", "cls"});
  const auto [sep, sep_id] = token_and_id(f, "sep");
  const auto [cls, cls_id] = token_and_id(f, "cls");
  TemplateItem a = sequence(0, 0), b = sequence(1, 1);
  a.keeps_type_ids = b.keeps_type_ids = true;
  p.single = {special(cls, cls_id, 0), a, special(sep, sep_id, 0)};
  p.pair = p.single;
  p.pair.push_back(b);
  p.pair.push_back(special(sep, sep_id, 1));
}

void apply_roberta(const JsonFields& f, PostProcessor& p) {
  f.only({"sep", "cls", "trim_offsets", "add_prefix_space"});
  const auto [sep, sep_id] = token_and_id(f, "sep");
  const auto [cls, cls_id] = token_and_id(f, "cls");
  if (f.boolean("trim_offsets")) p.trims.push_back(f.boolean("add_prefix_space"));
  p.single = {special(cls, cls_id, 0), sequence(0, 0), special(sep, sep_id, 0)};
  p.pair = p.single;
  for (TemplateItem item : {special(sep, sep_id, 0), sequence(1, 0), special(sep, sep_id, 0)}) p.pair.push_back(item);
}

void apply(const Json& json, const std::string& where, PostProcessor& p, bool& has_template) {
  const JsonFields f(json, where);
  const std::string type = f.text("type");
  if (type == "ByteLevel") {
    f.only({"add_prefix_space", "trim_offsets", "use_regex"});
    if (f.boolean("trim_offsets")) p.trims.push_back(f.boolean("add_prefix_space"));
    return;
  }
  if (type != "TemplateProcessing" && type != "BertProcessing" && type != "RobertaProcessing") {
    f.fail("type", "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence");
  }
  if (has_template) f.refuse("a second post-processor that adds special tokens is not supported");
  has_template = true;
  if (type == "TemplateProcessing") {
    apply_template(f, p);
  } else if (type == "BertProcessing") {
    apply_bert(f, p);
  } else {
    apply_roberta(f, p);
  }
}

}  // namespace

PostProcessor make_post_processor(const Json& json, const std::string& where) {
  PostProcessor p;
  bool has_template = false;
  if (json.is_null()) return p;
  const JsonFields f(json, where);
  if (f.text("type") != "Sequence") {
    apply(json, where, p, has_template);
    return p;
  }
  f.only({"processors"});
  const Json& list = f.list("processors");
  for (std::size_t i = 0; i < list.size(); ++i) {
    apply(list[i], fmt::format("{}.processors[{}]", where, i), p, has_template);
  }
  return p;
}

}  // namespace discreet::text::subword
