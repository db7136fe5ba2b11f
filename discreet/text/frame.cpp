#include "discreet/text/frame.h"

namespace discreet::text {

std::string frame_of(const Example& example) {
  std::string frame = example.label;
  std::string open;  // the slot that the word before belongs to
  for (std::size_t i = 0; i < example.tags.size(); ++i) {
    const std::string& tag = example.tags[i];
    if (tag.size() < 3 || tag[1] != '-') {
      open.clear();
      continue;
    }
    const std::string slot = tag.substr(2);
    if (tag[0] == 'B' || slot != open) {
      if (!frame.empty()) frame += " ; ";
      frame += slot + " =";
      open = slot;
    }
    frame += ' ' + example.words[i];
  }
  return frame;
}

}  // namespace discreet::text
