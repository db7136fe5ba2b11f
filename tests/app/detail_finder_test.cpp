#include "discreet/app/internal/detail_finder.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::app::internal {
namespace {

using Findings = std::vector<std::vector<mitigate::Finding>>;

/// "kind:what" of what counts when a tagger calls the whole text `kind`.
std::string called(const std::string& text, const std::string& kind, FilterRequest request = {}) {
  request.patterns = false;
  request.tag = [&kind](const std::vector<std::string>& texts, Findings& findings) {
    for (std::size_t i = 0; i < texts.size(); ++i) findings[i].push_back({0, texts[i].size(), kind, "tagger"});
  };
  std::string found;
  const Findings findings = DetailFinder(request).find({text});
  for (const mitigate::Finding& f : findings.front()) found += f.kind + ":" + text.substr(f.begin, f.end - f.begin);
  return found;
}

TEST(DetailFinder, ATaggersFindingHasWhatItsKindAlwaysHas) {
  EXPECT_EQ(called("anna@b", "email"), "email:anna@b");
  EXPECT_EQ(called("anna at example dot org", "email"), "email:anna at example dot org");
  EXPECT_EQ(called("Wednesday", "email"), "");
  EXPECT_EQ(called("@", "email"), "");
  EXPECT_EQ(called("AB-CD 123", "number"), "number:AB-CD 123");
  EXPECT_EQ(called("four oh nine two", "number"), "number:four oh nine two");
  EXPECT_EQ(called("٤١١١", "number"), "number:٤١١١");
  EXPECT_EQ(called("3-2", "number"), "");
  EXPECT_EQ(called("+1", "number", {.least_digits = 1}), "number:+1");
  EXPECT_EQ(called("Garhol", "number"), "");
  EXPECT_EQ(called("One Quarry Lane", "address"), "address:One Quarry Lane");
  EXPECT_EQ(called("Garhol Street", "address"), "address:Garhol Street");
  EXPECT_EQ(called("Garhol", "address"), "");
  EXPECT_EQ(called("Garhol", "name"), "name:Garhol");
}

TEST(DetailFinder, KindsHoldForTheTaggerToo) {
  EXPECT_EQ(called("anna@b", "email", {.kinds = {"names"}}), "");
  EXPECT_EQ(called("Anna", "name", {.kinds = {"names"}}), "name:Anna");
  EXPECT_EQ(called("Anna", "person", {.kinds = {"names"}}), "person:Anna");  // a tag of its own
  FilterRequest nothing;
  nothing.patterns = false;
  EXPECT_THROW(DetailFinder{nothing}, Error);
}

}  // namespace
}  // namespace discreet::app::internal
