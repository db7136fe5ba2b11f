#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace discreet::app {

/// A named list of words.
struct WordList {
  std::string name;
  std::vector<std::string> words;
  /// SHA-256 of the words, one a line: says which version of a list a result rests on.
  std::string hash() const;
};

/// An association test: do X go with A and Y with B?
struct AssociationTest {
  std::string name;
  WordList x, y, a, b;
};

/// Tests of Caliskan, Bryson and Narayanan 2017: weat1 … weat10, with the words of their supplement.
std::vector<std::string> built_in_tests();
/// Throws: kUsage naming the known ones.
AssociationTest built_in_test(const std::string& name);

/// Lists from a JSON file: {"name": [words], …}, or one test in the form of sentence tests,
/// {"targ1": {"category": …, "examples": […]}, "targ2": …, "attr1": …, "attr2": …}, whose four lists
/// are then called targ1, targ2, attr1 and attr2.
/// Throws: kBadData naming the file and the entry that is no list of strings.
std::map<std::string, WordList> read_word_lists(const std::filesystem::path& path);

}  // namespace discreet::app
